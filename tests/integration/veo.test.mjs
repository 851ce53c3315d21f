// The gateway form over the built-in animatic: every route, every error, pictures, callbacks.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { Gateway, png } from './support/gateway.mjs';
import { call } from './support/http.mjs';
import { ffprobe, lacks_tools, md5 } from './support/media.mjs';
import { Receiver, is_signed } from './support/receiver.mjs';
import { Server, create_key, run } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, check_if, temp_folder, until } from './support/suite.mjs';

let server;
let veo;
let source;
let receiver;
const short = { prompt: 'A heron lands on a jetty. Slow pan right.', model: 'veo3-fast',
                duration: 1 };
const long_check = { timeout: 300_000 };

before(async () => {
  source = await MediaSource.start();
  receiver = await Receiver.start({ answers: [503, 200] });
  server = await Server.start({
    flags: ['--network-allow-addresses', `${source.address},${receiver.address}`] });
  veo = new Gateway(server.client);
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await Promise.all([source, receiver].map((s) => s?.close?.()));
}, { timeout: 120_000 });

check('a video is created, polled and downloaded without a credential', async () => {
  const created = await veo.raw('POST', '/google/v1/models/veo/videos', { body: short });
  assert.equal(created.headers['telecine-placeholder'], 'animatic');
  const id = created.json().data;
  const task = await veo.succeeded(id);
  assert.equal(task.task_id, id);
  assert.equal(task.action, 'google-videos');
  assert.equal(task.notify_hook, '');
  assert.equal(task.data.id, id);
  assert.equal(task.progress, '100%');
  for (const at of ['submit_time', 'start_time', 'finish_time']) {
    assert.ok(Math.abs(task[at] - Date.now() / 1000) < 600, `${at} counts seconds`);
  }
  assert.ok(Math.abs(task.data.status_update_time - Date.now()) < 600_000);
  assert.equal(task.data.placeholder, true);
  assert.equal(task.data.provider, 'animatic');
  const video = await call('GET', task.data.video_url);
  assert.equal(video.status, 200);
  assert.equal(video.headers['content-type'], 'video/mp4');
  assert.equal(video.headers['telecine-placeholder'], 'animatic');
  const head = await call('HEAD', task.data.video_url);
  assert.equal(head.status, 200);
  assert.equal(Number(head.headers['content-length']), video.body.length);
  const part = await call('GET', task.data.video_url, { headers: { Range: 'bytes=4-7' } });
  assert.equal(part.status, 206);
  assert.equal(part.text, 'ftyp');
  assert.ok(video.body.includes('algorithmicMedia'), 'the file says how it came about');
  assert.ok(video.body.includes('no generative model was used'));
}, long_check);

check_if(lacks_tools, 'the file is exactly what was asked for, and the same again', async () => {
  const bytes = [];
  for (let i = 0; i < 2; i++) {
    const { data } = await veo.succeeded(await veo.create({
      ...short, duration: 2, aspect_ratio: '9:16',
      prompt: '一只苍鹭降落在码头上。مالك الحزين ينظر حوله. Fox 🦊!' }));
    bytes.push((await call('GET', data.video_url)).body);
  }
  assert.equal(md5(bytes[0]), md5(bytes[1]));
  const file = path.join(temp_folder('veo'), 'v.mp4');
  fs.writeFileSync(file, bytes[0]);
  const facts = await ffprobe(file, { count: true });
  const video = facts.streams.find((s) => s.codec_type === 'video');
  const sound = facts.streams.find((s) => s.codec_type === 'audio');
  assert.deepEqual([video.codec_name, video.width, video.height, video.pix_fmt],
                   ['h264', 720, 1280, 'yuv420p']);
  assert.equal(video.avg_frame_rate, '24/1');
  assert.equal(Number(video.nb_read_frames ?? video.nb_frames), 48);
  assert.deepEqual([sound.codec_name, sound.channels], ['aac', 2]);
  assert.equal(facts.format.tags.title, 'Telecine animatic');
}, long_check);

check('a final document is the same on every read, and on the other route', async () => {
  const id = await veo.create(short);
  await veo.succeeded(id);
  const texts = new Set();
  for (const route of [`/google/v1/tasks/${id}`, `/google/v1/tasks/${id}`,
                       `/google/v1/models/veo/videos/${id}`, `/BASE_URL/google/v1/tasks/${id}`]) {
    texts.add((await veo.raw('GET', route)).text);
  }
  assert.equal(texts.size, 1);
});

check('pictures come as URL, data URI and bare base64', async () => {
  const bytes = png(320, 200);
  const url = source.serve('/first.png', 'ok', bytes, 'image/png');
  const last = png(200, 320, [20, 80, 200]);
  const one = await veo.create({ ...short, images: [url] });
  await veo.succeeded(one);
  const two = await veo.create({ ...short, model: 'veo3.1', images: [
    `data:image/jpeg;base64,${bytes.toString('base64')}`, last.toString('base64')] });
  await veo.succeeded(two);
  const three = await veo.create({ ...short, model: 'veo3.1-components', images: [
    url, bytes.toString('base64'), last.toString('base64')] });
  const { data } = await veo.succeeded(three);
  const video = await call('GET', data.video_url);
  assert.ok(video.body.includes('digitalsourcetype/composite'));
  assert.equal(source.requests_for('/first.png').length, 2);
}, long_check);

check('pictures that cannot be had fail the task in its own words', async () => {
  await veo.failed(await veo.create({ ...short, images: [source.serve('/no.png', 404)] }),
                   /^input image not found$/);
  const text = source.serve('/text.png', 'ok', Buffer.from('no picture at all'), 'image/png');
  await veo.failed(await veo.create({ ...short, images: [text] }), /^input image cannot be read$/);
  const huge = png(8000, 6000);
  await veo.failed(await veo.create({ ...short, images: [huge.toString('base64')] }),
                   /^input image is too large$/);
}, long_check);

const create_path = '/google/v1/models/veo/videos';
const unknown_id = '018f2c44-9a10-7c3e-b1d2-5a0f77c2e9aa';

/// Refusals of who calls have the shape of OpenAI's.
function is_refused(answer, status, message) {
  assert.equal(answer.status, status, answer.text);
  const body = answer.json();
  assert.deepEqual(Object.keys(body), ['error']);
  assert.deepEqual(Object.keys(body.error), ['message', 'type', 'code']);
  assert.match(body.error.message, message);
  assert.match(body.error.message, / \(request id: \w+\)$/);
  assert.deepEqual([body.error.type, body.error.code], ['telecine_error', '']);
}

/// Refusals of what is asked have the shape of the answers.
function is_wrong(answer, status, code, message) {
  assert.equal(answer.status, status, answer.text);
  const body = answer.json();
  assert.deepEqual(Object.keys(body), ['code', 'message', 'data']);
  assert.deepEqual([body.code, body.data], [code, null]);
  assert.match(body.message, message);
}

check('a wrong, a missing and a disabled token are refused, a weak one too', async () => {
  for (const token of ['sk-main.wrong-secret-000', 'sk-nobody.x', 'main', '{{YOUR_API_KEY}}', '']) {
    const nobody = new Gateway(server.client_with(token));
    for (const at of [`/google/v1/tasks/${unknown_id}`, `/BASE_URL/google/v1/tasks/x`]) {
      is_refused(await nobody.raw('GET', at), 401, /^invalid token /);
    }
    is_refused(await nobody.raw('POST', create_path, { body: short }), 401, /^invalid token /);
  }
  const reader = await create_key(server.data, { id: 'reader', secret: 'reader-secret-1',
                                                 scopes: 'read' });
  const weak = new Gateway(server.client_with(reader));
  is_wrong(await weak.raw('GET', `/google/v1/tasks/${unknown_id}`), 400, 'task_not_exist', /./);
  is_refused(await weak.raw('POST', create_path, { body: short }), 403, /lacks the scope "write"/);
  assert.equal((await run(['key', 'disable', 'reader', '--data', server.data])).code, 0);
  await until('the key to be off', async () =>
    (await weak.raw('GET', `/google/v1/tasks/${unknown_id}`)).status === 403);
  is_refused(await weak.raw('GET', '/google/v1/tasks/x'), 403, /^this token is disabled /);
});

check('who calls too often is told when to come back', async () => {
  const busy = await Server.start({ flags: ['--server-rate-per-minute', '3'] });
  try {
    const gateway = new Gateway(busy.client);
    const answer = await until('a refusal', async () => {
      const one = await gateway.raw('GET', `/google/v1/tasks/${unknown_id}`);
      return one.status === 400 ? null : one;
    });
    is_refused(answer, 429, /^too many requests; at most 3 a minute /);
    assert.ok(Number(answer.headers['retry-after']) >= 1);
  } finally {
    await busy.close();
  }
});

check('whatever is wrong with a request, the field is named', async () => {
  for (const id of [unknown_id, 'x', '018f2c44', '0', '%20', 'g'.repeat(36)]) {
    is_wrong(await veo.raw('GET', `/google/v1/tasks/${id}`), 400, 'task_not_exist',
             /^task_not_exist$/);
  }
  const two = ['http://a.example/1', 'http://a.example/2'];
  const bad = [
    [{ model: 'veo3' }, /^prompt is required$/],
    [{ ...short, prompt: ' \n ' }, /^prompt is required$/],
    [{ ...short, prompt: 7 }, /^prompt must be a string$/],
    [{ ...short, prompt: '字'.repeat(4001) }, /^prompt may have at most 4000 characters$/],
    [{ prompt: 'x' }, /^model is required$/],
    [{ ...short, model: ['veo3'] }, /^model must be a string$/],
    [{ ...short, aspect_ratio: '4:3' }, /^aspect_ratio must be 16:9 or 9:16$/],
    [{ ...short, enhance_prompt: 'perhaps' }, /^enhance_prompt must be true or false$/],
    [{ ...short, enable_upsample: 2 }, /^enable_upsample must be true or false$/],
    [{ ...short, seed: -1 }, /^seed must be a whole number /],
    [{ ...short, seed: 'five' }, /^seed must be a whole number /],
    [{ ...short, duration: 0 }, /^duration must be a whole number from 1 to 60$/],
    [{ ...short, duration: 1.5 }, /^duration must be a whole number from 1 to 60$/],
    [{ ...short, images: two }, /^images may hold at most 1 for this model$/],
    [{ ...short, images: [7] }, /^images must be a list of strings$/],
    [{ ...short, images: ['data:image/png,x'] }, /^images\[0\] must be /],
    [{ ...short, images: ['ftp://a.example/1'] }, /^images\[0\] must be /],
    [{ ...short, images: ['http://10.0.0.1/a.png'] }, /^images\[0\] /],
    [{ ...short, notify_hook: 'http://10.0.0.1/' }, /^notify_hook /],
    [{ ...short, notify_hook: 'mailto:a@b.example' }, /^notify_hook /],
    [[], /the body must be a JSON object/],
  ];
  for (const [body, message] of bad) {
    is_wrong(await veo.raw('POST', create_path, { body }), 400, 'invalid_request', message);
  }
  for (const body of ['', '{"prompt"', 'prompt=x', '\xff']) {
    is_wrong(await veo.raw('POST', create_path, { body: Buffer.from(body, 'latin1') }), 400,
             'invalid_request', /./);
  }
  is_wrong(await veo.raw('POST', create_path,
                         { body: short, headers: { 'Idempotency-Key': 'k'.repeat(256) } }),
           400, 'invalid_request', /^Idempotency-Key /);
  is_wrong(await veo.raw('POST', '/google/v1/tasks/fetch', { body: { ids: 'x' } }), 400,
           'invalid_request', /^ids /);
  is_wrong(await veo.raw('GET', '/google/v1/nothing'), 404, 'invalid_request', /./);
  is_wrong(await veo.raw('DELETE', `/google/v1/tasks/${unknown_id}`), 405, 'invalid_request', /./);
});

check('tasks of another account and of other kinds are not there', async () => {
  const id = await veo.create(short);
  const other = new Gateway(await server.client_of('elsewhere'));
  const answer = await other.raw('GET', `/google/v1/tasks/${id}`);
  assert.equal(answer.status, 400);
  assert.equal(answer.json().code, 'task_not_exist');
  const native = await server.client.task(id.replaceAll('-', ''));
  assert.equal(native.kind, 'generate');
  assert.equal(native.provider.placeholder, true);
  is_wrong(await other.raw('POST', `/google/v1/tasks/${id}/cancel`), 400, 'task_not_exist', /./);
  const fetched = await other.raw('POST', '/google/v1/tasks/fetch', { body: { ids: [id] } });
  assert.deepEqual(fetched.json().data, []);
});

check('a task made natively is found here', async () => {
  const { id } = await server.client.submit(
    { kind: 'generate', generation: { prompt: 'A fox', size: '320x180', duration: 1, audio: 'on' } });
  const task = await veo.succeeded(id);
  const native = await server.client.task(id);
  assert.equal(native.outputs[0].facts.video[0].width, 320);
  assert.equal(task.data.placeholder, true);
});

check('creates are not doubled', async () => {
  const headers = { 'Idempotency-Key': 'order-1' };
  const body = { ...short, prompt: 'Once' };
  assert.equal(await veo.create(body, { headers }), await veo.create(body, { headers }));
  const reused = await veo.raw('POST', '/google/v1/models/veo/videos',
                               { body: { ...body, prompt: 'Twice' }, headers });
  assert.equal(reused.status, 400);
  const picture = png(64, 64).toString('base64');
  const again = { ...short, prompt: 'Again', images: [picture] };
  const first = await veo.create(again);
  const files = (await server.client.get('/api/v1/files')).files.length;
  const repeat = { 'x-stainless-retry-count': '1' };
  assert.equal(await veo.create({ ...again, duration: '1' }, { headers: repeat }), first);
  assert.notEqual(await veo.create(again), first, 'who does not say so does not repeat himself');
  assert.notEqual(await veo.create({ ...again, seed: 3 }, { headers: repeat }), first);
  await until('the repeated picture to be removed', async () =>
    (await server.client.get('/api/v1/files')).files.length <= files + 2);
});

check('the callback is exactly the query document, refused once and then taken', async () => {
  const id = await veo.create({ ...short, notify_hook: receiver.url });
  await veo.succeeded(id);
  const request = await receiver.request(1);
  const { text } = await veo.raw('GET', `/google/v1/tasks/${id}`);
  assert.equal(request.body, text);
  assert.equal(receiver.requests[0].headers['webhook-id'], request.headers['webhook-id']);
  const { secret } = await server.client.get('/api/v1/webhook-secret');
  assert.ok(is_signed(request, secret));
}, long_check);

check('many tasks are fetched at once, unknown ones left out', async () => {
  const ids = await Promise.all([1, 2].map(() => veo.create(short)));
  const answer = await veo.raw('POST', '/google/v1/tasks/fetch', {
    body: { ids: [...ids, '018f2c44-9a10-7c3e-b1d2-5a0f77c2e9aa'] } });
  assert.equal(answer.json().code, 'success');
  assert.deepEqual(answer.json().data.map((task) => task.task_id), ids);
});

check('a burst of twelve is all answered, and cancelling shows the end', async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, () => veo.create({ ...short,
                                                                              duration: 20 })));
  assert.equal(new Set(ids).size, 12);
  for (const id of ids) {
    const answer = await veo.raw('POST', `/google/v1/tasks/${id}/cancel`);
    assert.equal(answer.status, 200, answer.text);
    const { data } = answer.json();
    if (data.status === 'SUCCESS') continue;
    assert.equal(data.status, 'FAILURE');
    assert.equal(data.fail_reason, 'cancelled');
    assert.equal(data.data.status, 'failed');
  }
}, long_check);

check('the relatives of the form show the same task', async () => {
  const made = await veo.raw('POST', '/v1/video/create', { body: short });
  assert.equal(made.status, 200, made.text);
  const { id, video_url } = made.json();
  assert.equal(video_url, '');
  await veo.succeeded(id);
  const inner = (await veo.raw('GET', `/v1/video/query?id=${id}`)).json();
  assert.equal(inner.enhanced_prompt, '');
  is_wrong(await veo.raw('GET', '/v1/video/query'), 400, 'task_not_exist', /./);
  assert.equal(inner.status, 'completed');
  assert.ok(inner.video_url.startsWith('http'));
  const flat = (await veo.raw('GET', `/v2/videos/generations/${id}`)).json();
  assert.equal(flat.platform, 'google');
  assert.equal(flat.data.output, inner.video_url);
  const second = (await veo.raw('POST', '/v2/videos/generations', { body: short })).json();
  assert.ok(second.task_id);
});

check('in development mode any token is good, and none', async () => {
  const dev = await Server.start({ flags: ['--dev'] });
  try {
    const ids = new Set();
    for (const token of [null, 'sk-nobody.nothing', '{{YOUR_API_KEY}}']) {
      const gateway = new Gateway(dev.client_with(token));
      const id = await gateway.create(short);
      assert.equal((await gateway.query(id)).task_id, id);
      ids.add(id);
    }
    const anyone = new Gateway(dev.client_with(null));
    for (const id of ids) await anyone.succeeded(id);
  } finally {
    await dev.close();
  }
}, long_check);
