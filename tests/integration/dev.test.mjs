// Development mode: what `telecine serve --dev` lets pass, and what not.
import assert from 'node:assert/strict';
import http from 'node:http';
import { short_clip } from './support/media.mjs';
import { Server, run } from './support/server.mjs';
import { call } from './support/http.mjs';
import { check, temp_folder } from './support/suite.mjs';

const start = (flags = []) => Server.start({ flags: ['--dev', ...flags] });

check('any credentials or none are one account, and every answer says so', async () => {
  const server = await start();
  try {
    const ask = (headers) => call('GET', `${server.url}/api/v1/tasks`, { headers });
    for (const headers of [{}, { Authorization: 'Bearer nonsense' }, { Authorization: 'Basic x' },
                           { Authorization: `Bearer ${server.token}` }]) {
      const answer = await ask(headers);
      assert.equal(answer.status, 200, JSON.stringify(headers));
      assert.equal(answer.headers['telecine-mode'], 'development');
    }
    const missing = await call('GET', `${server.url}/nowhere`);
    assert.equal(missing.status, 404);
    assert.equal(missing.headers['telecine-mode'], 'development');
  } finally {
    await server.close();
  }
});

check('inputs and callbacks may be on loopback, on any port', async () => {
  const heard = [];
  const clip = short_clip().bytes;
  const neighbour = http.createServer((request, response) => {
    if (request.method === 'POST') heard.push(request.url);
    response.end(request.method === 'GET' ? clip : '');
  });
  await new Promise((resolve) => neighbour.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${neighbour.address().port}`;
  const server = await start();
  try {
    server.token = 'whatever';
    const task = await server.client.done({
      input: `${base}/clip.avi`, outputs: [{ type: 'cover' }], callback_url: `${base}/hook`,
    });
    assert.equal(task.state, 'succeeded');
    const until = Date.now() + 30_000;
    while (heard.length === 0 && Date.now() < until) await new Promise((r) => setTimeout(r, 50));
    assert.deepEqual(heard, ['/hook']);
  } finally {
    neighbour.close();
    await server.close();
  }
});

check('it is refused on any address but loopback', async () => {
  for (const address of ['0.0.0.0:0', ':0', '10.1.2.3:8080', '[::]:0']) {
    const end = await run(['serve', '--dev', '--data', temp_folder('dev'), '--listen', address]);
    assert.equal(end.code, 2, address);
    assert.match(end.stderr, /loopback/, address);
  }
});

check('pages of other sites cannot use it through a browser', async () => {
  const server = await start();
  try {
    const ask = async (headers) =>
      (await call('GET', `${server.url}/api/v1/tasks`, { headers })).status;
    assert.equal(await ask({ Origin: 'https://evil.example' }), 403);
    assert.equal(await ask({ 'Sec-Fetch-Site': 'cross-site' }), 403);
    assert.equal(await ask({ Host: 'evil.example', 'User-Agent': 'Mozilla/5.0' }), 403);
    assert.equal(await ask({ Host: 'vod.api.example' }), 200, 'a program with a name of its own');
    assert.equal(await ask({ Origin: 'http://localhost:3000' }), 200);
    assert.equal(await ask({ 'User-Agent': 'Mozilla/5.0', 'Sec-Fetch-Site': 'none' }), 200);
  } finally {
    await server.close();
  }
});
