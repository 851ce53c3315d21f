// The native API over real HTTP: tasks, problems, keys, limits, and what the server says of itself.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import fs from 'node:fs';
import { assert_problem } from './support/api.mjs';
import { call } from './support/http.mjs';
import { long_work, quick_outputs, short_clip } from './support/media.mjs';
import { media_children_of } from './support/processes.mjs';
import { Server, create_key } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, until } from './support/suite.mjs';

// `idle` takes tasks and never runs them; `busy` does.
let idle;
let busy;
let source;
let clip_url;
const nowhere = 'https://example.com/a.mp4';
const wrong_id = '0'.repeat(31) + '1';

before(async () => {
  source = await MediaSource.start();
  clip_url = source.serve('/clip.avi', 'ok', short_clip().bytes, 'video/x-msvideo');
  idle = await Server.start({ flags: ['--worker-enabled=false'] });
  busy = await Server.start({ flags: ['--network-allow-addresses', source.address] });
}, { timeout: 120_000 });
after(async () => {
  await Promise.all([idle?.close(), busy?.close(), source?.close()]);
}, { timeout: 180_000 });

const post = (client, body, headers = {}) => client.raw('POST', '/api/v1/tasks', { body, headers });

// --- create and get ---

check('a new task is answered with 202, its place and its document', async () => {
  const body = { input: nowhere, template: 'mp4-720p', priority: 3, metadata: { show: 'pilot' } };
  const answer = await post(idle.client, body);
  assert.equal(answer.status, 202, answer.text);
  const task = answer.json();
  assert.match(task.id, /^[0-9a-f]{32}$/);
  const location = new URL(answer.headers.location, idle.url);
  assert.equal(location.pathname, `/api/v1/tasks/${task.id}`);
  assert.equal(task.kind, 'transcode');
  assert.equal(task.state, 'queued');
  assert.equal(task.input, nowhere);
  assert.equal(task.template, 'mp4-720p');
  assert.equal(task.priority, 3);
  assert.deepEqual(task.metadata, { show: 'pilot' });
  assert.equal(task.progress, 0);
  assert.equal(task.error, null);
  assert.equal(task.source, null);
  assert.equal(task.started, null);
  assert.equal(task.finished, null);
  assert.ok(Math.abs(Date.parse(task.created) - Date.now()) < 600_000, task.created);
  assert.deepEqual(task.outputs.map((o) => [o.name, o.type, o.state]),
                   [['720p', 'video', 'pending']]);
  assert.deepEqual(await idle.client.task(task.id), task);
});

check('a task without template and outputs is made from the template "ladder"', async () => {
  const task = await idle.client.submit({ input: nowhere });
  assert.equal(task.template, 'ladder');
  assert.deepEqual(task.outputs.map((o) => o.name), ['720p', '480p', '360p', 'hls', 'cover']);
});

check('a task runs to its end and shows facts of its source and of what it made', async () => {
  const clip = short_clip();
  const task = await busy.client.done({ input: clip_url, outputs: quick_outputs });
  assert.equal(task.progress, 1);
  assert.ok(task.attempts >= 2, 'a remote input takes a fetch and an encode');
  assert.ok(Date.parse(task.created) <= Date.parse(task.started));
  assert.ok(Date.parse(task.started) <= Date.parse(task.finished));
  assert.equal(task.source.size, clip.bytes.length);
  assert.equal(task.source.video[0].width, clip.width);
  assert.equal(task.source.video[0].height, clip.height);
  assert.equal(task.source.audio[0].sample_rate, 48_000);
  const [output] = task.outputs;
  assert.equal(output.state, 'succeeded');
  assert.equal(output.error, null);
  assert.equal(output.facts.video[0].height, 120);
  assert.equal(output.facts.video[0].frames, clip.frames);
  const fetched = await call('GET', output.url);
  assert.equal(fetched.status, 200);
  assert.equal(fetched.headers['content-type'], 'video/mp4');
  assert.equal(fetched.body.length, output.files[0].size);
});

check('a probe answers the source and makes nothing', async () => {
  const task = await busy.client.done({ kind: 'probe', input: clip_url });
  assert.equal(task.kind, 'probe');
  assert.deepEqual(task.outputs, []);
  assert.equal(task.source.video[0].frame_rate, '25/1');
  assert.match(task.source.md5, /^[0-9a-f]{32}$/);
  const answer = await post(busy.client, { kind: 'probe', input: clip_url, template: 'ladder' });
  assert_problem(answer, 400, 'invalid_parameter');
});

check('?wait and Prefer: wait hold the answer until the task has ended', async () => {
  for (const ask of [{ query: '?wait=30s' }, { headers: { Prefer: 'wait=30' } }]) {
    const { id } = await busy.client.submit({ input: clip_url, outputs: quick_outputs });
    const path = `/api/v1/tasks/${id}${ask.query ?? ''}`;
    const task = (await busy.client.raw('GET', path, { headers: ask.headers })).json();
    assert.equal(task.state, 'succeeded', `${JSON.stringify(ask)}: ${JSON.stringify(task.error)}`);
  }
});

check('a wait that runs out answers the task as it stands', async () => {
  const { id } = await idle.client.submit({ input: nowhere });
  const answer = await idle.client.raw('GET', `/api/v1/tasks/${id}?wait=1s`);
  assert.equal(answer.status, 200);
  assert.equal(answer.json().state, 'queued');
  assert_problem(await idle.client.raw('GET', `/api/v1/tasks/${id}?wait=soon`), 400,
                 'invalid_parameter', 'wait');
});

check('an unchanged task is answered with 304, a changed one anew', async () => {
  const { id } = await idle.client.submit({ input: nowhere });
  const first = await idle.client.raw('GET', `/api/v1/tasks/${id}`);
  assert.match(first.headers.etag, /^(W\/)?".+"$/);
  const headers = { 'If-None-Match': first.headers.etag };
  const same = await idle.client.raw('GET', `/api/v1/tasks/${id}`, { headers });
  assert.equal(same.status, 304);
  assert.equal(same.body.length, 0);
  assert.equal(same.headers.etag, first.headers.etag);
  await idle.client.json('POST', `/api/v1/tasks/${id}/cancel`);
  const changed = await idle.client.raw('GET', `/api/v1/tasks/${id}`, { headers });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.etag, first.headers.etag);
});

check('HEAD answers what GET would, without a body', async () => {
  const { id } = await idle.client.submit({ input: nowhere });
  const get = await idle.client.raw('GET', `/api/v1/tasks/${id}`);
  const head = await idle.client.raw('HEAD', `/api/v1/tasks/${id}`);
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
  assert.equal(head.headers['content-length'], String(get.body.length));
  assert.equal(head.headers.etag, get.headers.etag);
});

// --- list ---

check('the list is paged by a cursor that new tasks do not disturb', async () => {
  const client = await idle.client_of('lister');
  const made = [];
  for (let i = 0; i < 5; i++) made.push((await client.submit({ input: nowhere })).id);
  const first = await client.get('/api/v1/tasks?limit=2');
  assert.deepEqual(first.tasks.map((t) => t.id), [made[4], made[3]]);
  assert.ok(first.next_cursor);
  await client.submit({ input: nowhere });
  const second = await client.get(`/api/v1/tasks?limit=2&cursor=${first.next_cursor}`);
  assert.deepEqual(second.tasks.map((t) => t.id), [made[2], made[1]]);
  const last = await client.get(`/api/v1/tasks?limit=2&cursor=${second.next_cursor}`);
  assert.deepEqual(last.tasks.map((t) => t.id), [made[0]]);
  assert.equal(last.next_cursor, null);
  assert.equal((await client.get('/api/v1/tasks')).tasks.length, 6);
});

check('the list can be narrowed to a state', async () => {
  const client = await idle.client_of('filterer');
  const made = [];
  for (let i = 0; i < 4; i++) made.push((await client.submit({ input: nowhere })).id);
  await client.json('POST', `/api/v1/tasks/${made[1]}/cancel`);
  await client.json('POST', `/api/v1/tasks/${made[3]}/cancel`);
  const ids = async (state) =>
    (await client.get(`/api/v1/tasks?state=${state}`)).tasks.map((t) => t.id);
  assert.deepEqual(await ids('cancelled'), [made[3], made[1]]);
  assert.deepEqual(await ids('queued'), [made[2], made[0]]);
  assert.deepEqual(await ids('succeeded'), []);
});

check('a list asked for wrongly is refused by the name of the parameter', async () => {
  const asked = [['limit=0', 'limit'], ['limit=201', 'limit'], ['limit=many', 'limit'],
                 ['state=cooking', 'state'], ['cursor=%21%21', 'cursor']];
  for (const [query, field] of asked) {
    const answer = await idle.client.raw('GET', `/api/v1/tasks?${query}`);
    assert_problem(answer, 400, 'invalid_parameter', field);
  }
  const problem = (await idle.client.raw('GET', '/api/v1/tasks?state=cooking')).json();
  assert.match(problem.detail, /queued.*succeeded|succeeded.*queued/s, 'names the valid states');
});

// --- cancel, retry, history ---

check('a queued task can be cancelled once', async () => {
  const { id } = await idle.client.submit({ input: nowhere });
  const task = await idle.client.json('POST', `/api/v1/tasks/${id}/cancel`, null,
                                      { expected: 200 });
  assert.equal(task.state, 'cancelled');
  assert.equal(task.error.code, 'cancelled');
  assert.ok(task.finished);
  assert.ok(task.outputs.every((o) => o.state === 'cancelled'));
  assert_problem(await idle.client.raw('POST', `/api/v1/tasks/${id}/cancel`), 409, 'conflict');
});

check('cancelling a running task ends its media process', async () => {
  const { source: clip, outputs } = long_work();
  const file = await busy.client.upload(fs.createReadStream(clip.path), 'long');
  const { id } = await busy.client.submit({ input: file.input, outputs });
  await busy.client.in_state(id, 'running');
  await until('a media child', () => media_children_of(busy.pid).length > 0);
  const task = await busy.client.json('POST', `/api/v1/tasks/${id}/cancel`);
  assert.equal(task.state, 'cancelled');
  await until('the media child to go', () => media_children_of(busy.pid).length === 0);
  assert.equal((await busy.client.task(id)).state, 'cancelled');
});

check('a cancelled task can be retried under its id and then succeeds', async () => {
  const { id } = await busy.client.submit({ input: clip_url, outputs: long_work().outputs });
  await busy.client.json('POST', `/api/v1/tasks/${id}/cancel`);
  const again = await busy.client.json('POST', `/api/v1/tasks/${id}/retry`, null,
                                       { expected: 200 });
  assert.equal(again.id, id);
  assert.ok(!['cancelled', 'failed'].includes(again.state), again.state);
  assert.equal(again.error, null);
  const task = await busy.client.succeeded(id);
  assert.equal(task.outputs[0].state, 'succeeded');
  assert_problem(await busy.client.raw('POST', `/api/v1/tasks/${id}/retry`), 409, 'conflict');
});

check('a failed task can be retried once its input is there', async () => {
  source.serve('/late.avi', [404, 'ok'], short_clip().bytes);
  const input = `http://${source.address}/late.avi`;
  const { id } = await busy.client.submit({ input, outputs: quick_outputs });
  const failed = await busy.client.finished(id);
  assert.equal(failed.state, 'failed');
  assert.equal(failed.error.code, 'input_not_found');
  await busy.client.json('POST', `/api/v1/tasks/${id}/retry`);
  await busy.client.succeeded(id);
});

check('the history tells every step in order and only one end', async () => {
  const { id } = await busy.client.done({ input: clip_url, outputs: quick_outputs });
  const events = await busy.client.history(id);
  assert.ok(events.every((e) => e.task === id && e.type && e.state && e.at));
  for (let i = 1; i < events.length; i++) {
    assert.ok(events[i].seq > events[i - 1].seq, 'numbers grow');
    assert.ok(Date.parse(events[i].at) >= Date.parse(events[i - 1].at), 'times do not go back');
  }
  const states = events.map((e) => e.state).filter((s, i, all) => s !== all[i - 1]);
  assert.deepEqual(states, ['queued', 'downloading', 'running', 'succeeded']);
  assert.equal(events.filter((e) => e.type === 'task.succeeded').length, 1);
  assert.equal(events.at(-1).type, 'task.succeeded');
});

// --- idempotency ---

check('the same idempotency key and body answer the same task', async () => {
  const headers = { 'Idempotency-Key': 'order-1' };
  const body = { input: nowhere, metadata: { n: '1' } };
  const first = await post(idle.client, body, headers);
  const second = await post(idle.client, body, headers);
  assert.equal(first.status, 202);
  assert.ok([200, 202].includes(second.status), second.text);
  assert.equal(second.json().id, first.json().id);
  assert.equal(first.headers['idempotent-replayed'], undefined);
  assert.equal(second.headers['idempotent-replayed'], 'true');
});

check('the same idempotency key with another body is a conflict', async () => {
  const headers = { 'Idempotency-Key': 'order-2' };
  assert.equal((await post(idle.client, { input: nowhere }, headers)).status, 202);
  assert_problem(await post(idle.client, { input: nowhere, priority: 1 }, headers), 409,
                 'conflict');
});

check('twelve submits at once with one idempotency key make one task', async () => {
  const client = await idle.client_of('hurried');
  const headers = { 'Idempotency-Key': 'all-at-once' };
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => post(client, { input: nowhere }, headers)));
  assert.equal(new Set(answers.map((a) => a.json().id)).size, 1);
  assert.equal((await client.get('/api/v1/tasks')).tasks.length, 1);
});

check('an idempotency key counts for its account only', async () => {
  const headers = { 'Idempotency-Key': 'shared-word' };
  const other = await idle.client_of('idem-other');
  const mine = (await post(idle.client, { input: nowhere }, headers)).json();
  const theirs = await post(other, { input: nowhere, priority: 5 }, headers);
  assert.equal(theirs.status, 202, theirs.text);
  assert.notEqual(theirs.json().id, mine.id);
});

// --- bad requests ---

check('an unknown field is refused by name, with the name that was meant', async () => {
  const answer = await post(idle.client, { input: nowhere, tempalte: 'ladder' });
  const problem = assert_problem(answer, 400, 'invalid_parameter', 'tempalte');
  assert.match(problem.detail, /did you mean "template"/);
  const video = { short_side: 360, presset: 'fast' };
  const inner = await post(idle.client,
                           { input: nowhere, outputs: [{ name: 'a', type: 'video', video }] });
  const deep = assert_problem(inner, 400, 'invalid_parameter', 'outputs[0].video.presset');
  assert.match(deep.detail, /did you mean "preset"/);
});

check('wrong types and values out of range are refused by field, with what is valid', async () => {
  const video = (options) => ({ input: nowhere, outputs: [{ type: 'video', video: options }] });
  const cases = [
    [{}, 'input', /./],
    [{ input: 7 }, 'input', /string/],
    [{ input: nowhere, priority: 'high' }, 'priority', /number/],
    [{ input: nowhere, priority: 11 }, 'priority', /10/],
    [{ input: nowhere, max_attempts: 0 }, 'max_attempts', /1/],
    [{ input: nowhere, kind: 'cook' }, 'kind', /transcode/],
    [{ input: nowhere, outputs: {} }, 'outputs', /list/],
    [{ input: nowhere, outputs: [] }, 'outputs', /./],
    [{ input: nowhere, outputs: [{ type: 'gif' }] }, 'outputs[0].type', /video/],
    [{ input: nowhere, template: 'ladder', outputs: quick_outputs }, undefined, /both|either/],
    [{ input: nowhere, outputs: [...quick_outputs, ...quick_outputs] }, undefined, /name/],
    [{ input: nowhere, metadata: { a: 1 } }, undefined, /string/],
    [video({ crf: 99 }), 'outputs[0].video.crf', /0 to 51/],
    [video({ crf: '20' }), 'outputs[0].video.crf', /number/],
    [video({ crf: 20, bitrate: 100_000 }), 'outputs[0].video.bitrate', /crf/],
    [video({ codec: 'h263' }), 'outputs[0].video.codec', /h264/],
    [video({ width: 100.5 }), 'outputs[0].video.width', /whole/],
    [video({ enlarge: 'yes' }), 'outputs[0].video.enlarge', /true or false/],
  ];
  for (const [body, field, detail] of cases) {
    const problem = assert_problem(await post(idle.client, body), 400, 'invalid_parameter', field);
    assert.match(problem.detail, detail, JSON.stringify(body));
  }
});

check('a body that is no JSON object is refused', async () => {
  const headers = { 'Content-Type': 'application/json' };
  for (const body of ['', '{', '[]', '"text"', 'null', '{"input": "x",}']) {
    const answer = await idle.client.raw('POST', '/api/v1/tasks', { body, headers });
    assert_problem(answer, 400, 'invalid_parameter');
  }
});

check('an unknown template is refused, with the one that was meant', async () => {
  const answer = await post(idle.client, { input: nowhere, template: 'lader' });
  const problem = assert_problem(answer, 400, 'invalid_parameter', 'template');
  assert.match(problem.detail, /ladder/);
});

check('a body that is too large is refused with 413 and the server goes on', async () => {
  const body = { input: nowhere, metadata: { long: 'x'.repeat(3 << 20) } };
  assert_problem(await post(idle.client, body), 413, 'input_too_large');
  assert.equal((await idle.client.raw('GET', '/api/v1/tasks')).status, 200);
});

check('a header that is too large is refused', async () => {
  const headers = { 'X-Long': 'x'.repeat(64 << 10) };
  const answer = await idle.client.raw('GET', '/api/v1/tasks', { headers });
  assert.ok([431, 400].includes(answer.status), `${answer.status} ${answer.text}`);
});

check('unknown paths and ids are answered with 404 as a problem', async () => {
  assert_problem(await idle.client.raw('GET', '/api/v1/nothing'), 404, 'not_found');
  for (const id of [wrong_id, 'zzz', '0', '-1']) {
    assert_problem(await idle.client.raw('GET', `/api/v1/tasks/${id}`), 404, 'not_found');
    assert_problem(await idle.client.raw('POST', `/api/v1/tasks/${id}/cancel`), 404, 'not_found');
  }
});

check('a method that a path does not have is answered with 405 and those it has', async () => {
  const answer = await idle.client.raw('DELETE', '/api/v1/tasks');
  assert.equal(answer.status, 405);
  const allowed = answer.headers.allow.split(',').map((m) => m.trim());
  assert.ok(allowed.includes('GET') && allowed.includes('POST'), answer.headers.allow);
  assert.ok(!allowed.includes('DELETE'));
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
});

// --- keys ---

check('no key, a wrong key and a garbled key are all answered with 401', async () => {
  const tokens = [null, 'Bearer sk-main.wrong-secret', 'Bearer sk-nobody.main-secret-0001',
                  'Bearer sk-main', 'Bearer ', 'Basic bWFpbjpzZWNyZXQ=', 'Bearer sk-.',
                  `Bearer sk-main.${'x'.repeat(2000)}`];
  for (const token of tokens) {
    const headers = token === null ? {} : { Authorization: token };
    for (const [method, path] of [['GET', '/api/v1/tasks'], ['POST', '/api/v1/tasks'],
                                  ['GET', '/api/v1/keys'], ['GET', '/api/v1/events']]) {
      const answer = await call(method, idle.url + path, { headers });
      const problem = assert_problem(answer, 401, 'unauthorized');
      assert.ok(!problem.detail.includes('main-secret'), 'no secret in the answer');
    }
  }
});

check('a key that may only read can read and nothing else', async () => {
  const made = await idle.client.json('POST', '/api/v1/keys', { scopes: ['read'] },
                                      { expected: 201 });
  const reader = idle.client_with(made.token);
  const { id } = await idle.client.submit({ input: nowhere });
  assert.equal((await reader.task(id)).id, id, 'the key is of the same account');
  const refused = [['POST', '/api/v1/tasks', { input: nowhere }],
                   ['POST', `/api/v1/tasks/${id}/cancel`], ['POST', `/api/v1/tasks/${id}/retry`],
                   ['GET', '/api/v1/keys'], ['POST', '/api/v1/keys', {}],
                   ['POST', '/api/v1/webhook-secret/rotate'], ['POST', '/api/v1/files', 'x'],
                   ['PUT', '/api/v1/templates/mine', { outputs: quick_outputs }]];
  for (const [method, path, body] of refused) {
    assert_problem(await reader.raw(method, path, { body: body ?? null }), 403, 'forbidden');
  }
  assert.equal((await idle.client.task(id)).state, 'queued');
});

check('keys are made, listed without secrets, disabled and enabled', async () => {
  const made = await idle.client.json('POST', '/api/v1/keys', { id: 'made-1', app_id: 77 },
                                      { expected: 201 });
  assert.equal(made.id, 'made-1');
  assert.equal(made.token, `sk-made-1.${made.secret}`);
  const holder = idle.client_with(made.token);
  assert.equal((await holder.raw('GET', '/api/v1/tasks')).status, 200);
  const listed = await idle.client.raw('GET', '/api/v1/keys');
  const row = listed.json().keys.find((key) => key.id === 'made-1');
  assert.equal(row.app_id, 77);
  assert.equal(row.disabled, false);
  assert.ok(!listed.text.includes(made.secret), 'a secret is shown once');
  assert_problem(await idle.client.raw('POST', '/api/v1/keys', { body: { id: 'made-1' } }), 409,
                 'conflict');
  await idle.client.json('POST', '/api/v1/keys/made-1/disable');
  await until('the key to be refused',
              async () => (await holder.raw('GET', '/api/v1/tasks')).status === 401);
  await idle.client.json('POST', '/api/v1/keys/made-1/enable');
  await until('the key to be good again',
              async () => (await holder.raw('GET', '/api/v1/tasks')).status === 200);
});

check("another account's tasks and files are as good as not there", async () => {
  const other = await idle.client_of('stranger');
  const { id } = await idle.client.submit({ input: nowhere });
  const file = await idle.client.upload(Buffer.from('mine'), 'mine.bin');
  for (const [method, path] of [
    ['GET', `/api/v1/tasks/${id}`], ['GET', `/api/v1/tasks/${id}?wait=1s`],
    ['POST', `/api/v1/tasks/${id}/cancel`], ['POST', `/api/v1/tasks/${id}/retry`],
    ['GET', `/api/v1/tasks/${id}/history`], ['GET', `/api/v1/tasks/${id}/events`],
    ['GET', `/api/v1/tasks/${id}/deliveries`], ['GET', `/api/v1/files/${file.id}`],
    ['GET', `/api/v1/files/${file.id}/content`], ['DELETE', `/api/v1/files/${file.id}`],
  ]) {
    assert_problem(await other.raw(method, path), 404, 'not_found');
  }
  assert.deepEqual((await other.get('/api/v1/tasks')).tasks, []);
  assert.deepEqual((await other.get('/api/v1/files')).files, []);
  const stolen = await post(other, { input: file.input });
  assert.ok(stolen.status >= 400 && stolen.status < 500, stolen.text);
  assert.equal(stolen.json().field, 'input');
  assert.equal((await idle.client.task(id)).state, 'queued');
});

// --- limits ---

check('calls beyond the rate are answered with 429 and when to come back', async () => {
  const limited = await Server.start({ flags: ['--worker-enabled=false',
                                               '--server-rate-per-minute', '5'] });
  try {
    const other = await limited.client_of('patient');
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await limited.client.raw('GET', '/api/v1/tasks'));
    assert.equal(answers[0].status, 200, answers[0].text);
    const told = Object.entries(answers[0].headers).filter(([k]) => k.startsWith('ratelimit'));
    assert.ok(told.length > 0, 'answers carry RateLimit headers');
    assert.match(told.map(([, value]) => value).join(' '), /\b5\b/, 'they say the limit');
    const refused = answers.find((a) => a.status === 429);
    assert.ok(refused, answers.map((a) => a.status).join(' '));
    assert_problem(refused, 429, 'too_many_requests');
    assert.match(refused.headers['retry-after'], /^[1-9]\d*$/);
    assert.ok(answers.filter((a) => a.status === 200).length >= 5, 'the limit itself is allowed');
    assert.equal((await other.raw('GET', '/api/v1/tasks')).status, 200, 'others are not held up');
    const sent = await other.raw('POST', '/api/v1/files?name=a', { body: 'bytes' });
    assert.equal(sent.status, 201);
    assert.equal(sent.headers['ratelimit-remaining'], '3', 'uploads count and say so');
    assert.equal((await call('GET', `${limited.url}/livez`)).status, 200);
  } finally {
    await limited.close();
  }
});

check('a key with a rate of its own is held to that', async () => {
  const made = await idle.client.json('POST', '/api/v1/keys', { rate_per_minute: 3 });
  const client = idle.client_with(made.token);
  const statuses = [];
  for (let i = 0; i < 8; i++) statuses.push((await client.raw('GET', '/api/v1/tasks')).status);
  assert.deepEqual(statuses.slice(0, 3), [200, 200, 200]);
  assert.ok(statuses.includes(429), statuses.join(' '));
});

// --- templates ---

check('own templates are made, used, changed and deleted; built-in ones stay', async () => {
  const path = '/api/v1/templates/mine';
  const outputs = [{ name: 'tiny', type: 'video', video: { height: 90 } }];
  await idle.client.json('PUT', path, { description: 'for tests', outputs });
  const kept = await idle.client.get(path);
  assert.equal(kept.name, 'mine');
  assert.equal(kept.built_in, false);
  assert.equal(kept.outputs[0].video.height, 90);
  const task = await idle.client.submit({ input: nowhere, template: 'mine' });
  assert.deepEqual(task.outputs.map((o) => o.name), ['tiny']);
  const listed = (await idle.client.get('/api/v1/templates')).templates;
  assert.ok(listed.some((t) => t.name === 'mine' && !t.built_in));
  assert.ok(listed.some((t) => t.name === 'ladder' && t.built_in));
  const other = await idle.client_of('templateless');
  assert_problem(await other.raw('GET', path), 404, 'not_found');
  const bad = { outputs: [{ name: 'x', type: 'video', video: { crf: -1 } }] };
  assert_problem(await idle.client.raw('PUT', path, { body: bad }), 400, 'invalid_parameter',
                 'outputs[0].video.crf');
  const put = { body: { outputs } };
  assert_problem(await idle.client.raw('PUT', '/api/v1/templates/ladder', put), 409, 'conflict');
  assert_problem(await idle.client.raw('DELETE', '/api/v1/templates/ladder'), 409, 'conflict');
  assert.equal((await idle.client.raw('DELETE', path)).status, 204);
  assert_problem(await idle.client.raw('GET', path), 404, 'not_found');
});

// --- what the server says of itself ---

const operations = {
  '/api/v1/tasks': ['get', 'post'],
  '/api/v1/tasks/{}': ['get'],
  '/api/v1/tasks/{}/cancel': ['post'],
  '/api/v1/tasks/{}/retry': ['post'],
  '/api/v1/tasks/{}/history': ['get'],
  '/api/v1/tasks/{}/events': ['get'],
  '/api/v1/tasks/{}/deliveries': ['get'],
  '/api/v1/tasks/{}/deliveries/{}/replay': ['post'],
  '/api/v1/events': ['get'],
  '/api/v1/webhook-secret': ['get'],
  '/api/v1/webhook-secret/rotate': ['post'],
  '/api/v1/files': ['get', 'post'],
  '/api/v1/files/{}': ['get', 'delete'],
  '/api/v1/files/{}/content': ['get'],
  '/api/v1/uploads': ['post', 'options'],
  '/api/v1/uploads/{}': ['get', 'head', 'patch', 'delete'],
  '/api/v1/templates': ['get'],
  '/api/v1/templates/{}': ['get', 'put', 'delete'],
  '/api/v1/keys': ['get', 'post'],
  '/api/v1/keys/{}/disable': ['post'],
  '/api/v1/keys/{}/enable': ['post'],
  '/objects/{}/{}': ['get'],
  '/livez': ['get'],
  '/readyz': ['get'],
  '/healthz': ['get'],
  '/metrics': ['get'],
};

check('the OpenAPI document is valid JSON and describes every operation', async () => {
  const answer = await call('GET', `${idle.url}/openapi.json`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /json/);
  const document = answer.json();
  assert.match(document.openapi, /^3\.1\./);
  assert.ok(document.info.title && document.info.version);
  const base = new URL(document.servers?.[0]?.url ?? '/', idle.url).pathname.replace(/\/$/, '');
  const described = new Map();
  for (const [path, item] of Object.entries(document.paths)) {
    const name = path.startsWith('/api/') || base === '' ? path : base + path;
    described.set(name.replace(/\{[^}]*\}/g, '{}'), item);
  }
  for (const [path, methods] of Object.entries(operations)) {
    const item = described.get(path) ?? described.get(path.replace(base, ''));
    assert.ok(item, `${path} is not described; there are ${[...described.keys()].join(' ')}`);
    for (const method of methods) {
      assert.ok(item[method], `${method} ${path} is not described`);
      const responses = Object.keys(item[method].responses ?? {});
      assert.ok(responses.length > 0, `${method} ${path} has no responses`);
    }
  }
});

check('every reference in the OpenAPI document leads somewhere', async () => {
  const document = (await call('GET', `${idle.url}/openapi.json`)).json();
  const lead = (reference) =>
    reference.replace(/^#\//, '').split('/')
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce((at, key) => at?.[key], document);
  const walk = (value) => {
    if (value === null || typeof value !== 'object') return;
    if (typeof value.$ref === 'string') {
      assert.ok(value.$ref.startsWith('#/'), value.$ref);
      assert.notEqual(lead(value.$ref), undefined, `${value.$ref} leads nowhere`);
    }
    Object.values(value).forEach(walk);
  };
  walk(document);
});

check('every path the OpenAPI document describes is served', async () => {
  const document = (await call('GET', `${idle.url}/openapi.json`)).json();
  const base = new URL(document.servers?.[0]?.url ?? '/', idle.url).pathname.replace(/\/$/, '');
  for (const [path, item] of Object.entries(document.paths)) {
    const name = path.startsWith('/api/') ? path : base + path;
    const filled = name.replace(/\{[^}]*\}/g, wrong_id);
    for (const method of ['get', 'post', 'put', 'patch', 'delete'].filter((m) => item[m])) {
      // Without a key nothing happens; an unserved path would be 404, an unserved method 405.
      const answer = await call(method.toUpperCase(), idle.url + filled);
      assert.notEqual(answer.status, 405, `${method} ${name}`);
      const open = !name.startsWith('/api/');
      if (!open) assert.equal(answer.status, 401, `${method} ${name}: ${answer.text}`);
    }
  }
});

check('health, readiness and metrics answer without a key', async () => {
  assert.equal((await call('GET', `${busy.url}/livez`)).status, 200);
  assert.equal((await call('GET', `${busy.url}/readyz`)).status, 200);
  const health = await call('GET', `${busy.url}/healthz`);
  assert.equal(health.status, 200, health.text);
  assert.match(health.text, /seccomp/, 'it says which sandbox layers are active');
  await busy.client.done({ input: clip_url, outputs: quick_outputs });
  const metrics = await call('GET', `${busy.url}/metrics`);
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers['content-type'], /^text\/plain/);
  assert.match(metrics.text, /^telecine_http_requests_total\{.*route="\/api\/v1\/tasks/m);
  assert.match(metrics.text, /^telecine_tasks_total\{state="succeeded"\} [1-9]/m);
  assert.match(metrics.text, /^process_resident_memory_bytes [1-9]/m);
  for (const line of metrics.text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    assert.match(line, /^[a-z_:][a-z0-9_:]*(\{.*\})? \S+$/i, 'a line of the Prometheus format');
  }
  const names = new Set([...metrics.text.matchAll(/^# TYPE (\S+)/gm)].map((m) => m[1]));
  for (const name of names) {
    assert.doesNotMatch(name, /_(ms|millis|milliseconds|kb|mb)(_|$)/, 'base units only');
  }
});

check('a key of the command line counts at once on a running server', async () => {
  const token = await create_key(idle.data, { id: 'later', secret: 'later-secret-1' });
  assert.equal((await idle.client_with(token).raw('GET', '/api/v1/tasks')).status, 200);
});
