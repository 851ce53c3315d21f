// Visionular's API over a real object store: tasks through every state, storages, links, a store
// that misbehaves, and a kill between two parts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { call } from './support/http.mjs';
import {
  assert_decodes, clip, ffprobe, lacks_clips, lacks_tools, md5, synthesised,
} from './support/media.mjs';
import { Receiver } from './support/receiver.mjs';
import { Rgw, StoreProxy, lacks_rgw } from './support/rgw.mjs';
import { Server } from './support/server.mjs';
import { check_if, remove_folder, temp_folder, until } from './support/suite.mjs';
import { VisionularClient } from './support/visionular.mjs';

const region = 'us-east-1';
const template = 'MP4_264_360p';
let rgw;
let proxy;
let receiver;
let server;
let client;
let good;
let flaky;

const small = () => synthesised({ width: 640, height: 360, rate: 25, frames: 200 });

if (!lacks_rgw) {
  before(async () => {
    rgw = await Rgw.start();
    proxy = await StoreProxy.start(rgw);
    receiver = await Receiver.start();
    for (const bucket of ['media-in', 'media-out', 'older-out', 'flaky-in', 'flaky-out']) {
      await rgw.make_bucket(bucket);
    }
    await rgw.put('media-in', 'clip.avi', small().bytes);
    await rgw.put('media-in', 'noise.avi', Buffer.alloc(50_000, 'no video '));
    await rgw.put('flaky-in', 'held.avi', small().bytes);
    const config = path.join(temp_folder('config'), 'telecine.toml');
    fs.writeFileSync(config, `[object]
put_bytes = "1M"
part_bytes = "5M"
[network]
allow_addresses = ["${receiver.address}"]
[worker]
slots = 1
${rgw.endpoint('lab', { extra: 'buckets = ["media-*"]' })}
${rgw.endpoint('older', { extra: 'buckets = ["older-*"]\nsignature = "v2"' })}
${rgw.endpoint('flaky', { url: proxy.url, extra: 'buckets = ["flaky-*"]' })}
`);
    server = await Server.start({ flags: ['--config', config] });
    client = new VisionularClient(server.url, 'main', 'main-secret-0001');
    good = await client.add_storage({ region, type: 's3', bucket: 'media-out', prefix: 'web',
                                      notify: receiver.url });
    flaky = await client.add_storage({ region, type: 's3', bucket: 'flaky-out' });
  }, { timeout: 300_000 });
}
after(async () => {
  proxy?.release();
  await server?.close();
  await Promise.all([proxy?.close(), receiver?.close()]);
  await rgw?.close();
}, { timeout: 180_000 });

const check_rgw = (name, body, options) => check_if(lacks_rgw, name, body, options);
const long = { timeout: 600_000 };

const in_status = (id, wanted, options) => until(`${id} to be ${wanted}`, async () => {
  const task = await client.query(id);
  if (task.status !== wanted && ['success', 'fail'].includes(task.status)) {
    assert.fail(`ended as ${JSON.stringify(task)}`);
  }
  return task.status === wanted ? task : null;
}, { guard: 180_000, every: 20, ...options });
const ended = (id) => until(`${id} to end`, async () => {
  const task = await client.query(id);
  return ['success', 'fail'].includes(task.status) ? task : null;
}, { guard: 300_000 });

check_rgw('a task is seen in every state, and its output is fetched by its link', async () => {
  // The store holds back the input's bytes, and later the output's.
  proxy.misbehave = ({ method, url }) =>
    ((method === 'GET' && url.includes('held.avi')) || (method === 'PUT' && url.includes('a.mp4'))
      ? 'hold' : null);
  const input = 's3://flaky-in/held.avi';
  const id = await client.create({ template_name: template, input, output: 'a', storage_id: flaky });
  assert.match(id, /^[0-9a-f]{32}$/);
  const waiting = await client.create({ template_name: template, input: 's3://media-in/clip.avi',
                                        output: 'clips/b.mp4', storage_id: good });
  const downloading = await in_status(id, 'downloading');
  const pending = await in_status(waiting, 'pending');
  assert.equal(pending.output, 's3://media-out/web/clips/b.mp4');
  assert.equal(pending.finish_time, 0);
  assert.equal(pending.src_bitrate, 0);
  assert.equal(downloading.input, input);
  assert.equal(downloading.output_url, '');
  assert.equal(downloading.template_id, 'builtin-MP4-264-360p');
  await until('the read to be held', () => proxy.held.length > 0);
  proxy.release();
  const running = await until('the source to be known', async () => {
    const task = await client.query(id);
    assert.ok(['downloading', 'running'].includes(task.status), JSON.stringify(task));
    return task.src_bitrate > 0 ? task : null;
  }, { every: 20 });
  assert.equal(running.status, 'running');
  assert.equal(running.dst_bitrate, 0);
  const uploading = await in_status(id, 'uploading');
  assert.ok(uploading.src_bitrate > 0);
  assert.equal(uploading.dst_bitrate, 0);
  await until('the write to be held', () => proxy.held.length > 0);
  proxy.misbehave = () => null;
  proxy.release();
  const done = await in_status(id, 'success');
  const fields = ['bucket', 'create_time', 'dst_bitrate', 'err_code', 'err_message', 'finish_time',
                  'input', 'input_url', 'objkey', 'output', 'output_url', 'region', 'region_type',
                  'src_bitrate', 'status', 'task_id', 'template_id', 'template_name'];
  for (const task of [pending, downloading, running, uploading, done]) {
    assert.deepEqual(Object.keys(task).sort(), fields);
  }
  assert.equal(done.err_message, 'success');
  assert.equal(done.objkey, 'a.mp4');
  assert.equal(done.region_type, 's3');
  assert.ok(done.finish_time >= done.create_time && done.finish_time < Date.now() / 1000 + 5);
  const output = await call('GET', done.output_url);
  assert.equal(output.status, 200);
  const file = path.join(temp_folder('output'), 'a.mp4');
  fs.writeFileSync(file, output.body);
  await assert_decodes(file);
  const seconds = small().seconds;
  assert.ok(Math.abs(done.dst_bitrate - output.body.length * 8 / 1000 / seconds) < 5);
  assert.deepEqual((await call('GET', done.input_url)).body, small().bytes);
  assert.equal((await call('GET', done.output_url.replace(/.$/, (c) => (c === '0' ? '1' : '0')))).status, 403);
  await in_status(waiting, 'success');
}, long);

check_rgw('the end is told in the vendor\'s words', async () => {
  const request = await receiver.request(0);
  const body = JSON.parse(request.body);
  assert.equal(body.code, 0);
  assert.equal(body.msg, 'succeeded');
  assert.equal(body.data[0].output, 's3://media-out/web/clips/b.mp4');
  assert.equal(body.data[0].status, 'succeeded');
}, long);

check_rgw('HLS lies beside its playlist, and its references hold', async () => {
  const id = await client.create({ template_name: 'HLS_264_360p', input: 's3://media-in/clip.avi',
                                   output: 'live/show', storage_id: good });
  const done = await ended(id);
  assert.equal(done.status, 'success', JSON.stringify(done));
  assert.equal(done.objkey, 'web/live/show.m3u8');
  const master = await call('GET', done.output_url);
  assert.equal(master.headers['content-type'], 'application/vnd.apple.mpegurl');
  const variant = master.text.split('\n').find((line) => line && !line.startsWith('#'));
  assert.ok(variant.startsWith('show/'), master.text);
  const playlist = await rgw.get('media-out', `web/live/${variant}`);
  assert.equal(playlist.status, 200);
  const segment = playlist.text.split('\n').find((line) => line && !line.startsWith('#'));
  const folder = path.posix.dirname(`web/live/${variant}`);
  assert.equal((await rgw.get('media-out', `${folder}/${segment}`)).status, 200);
}, long);

check_rgw('names are taken byte for byte, by the older signature too', async () => {
  const older = await client.add_storage({ region, type: 's3', bucket: 'older-out',
                                           prefix: 'a b/' });
  await rgw.put('media-in', "中 +=&%41~'#.avi", small().bytes);
  const input = "s3://media-in/中 +=&%41~'#.avi";
  for (const [storage_id, form] of [[older, /[?&]AWSAccessKeyId=.*Expires=\d+&Signature=/],
                                    [good, /[?&]X-Amz-Signature=/]]) {
    const output = "clips/中 a+b=&%41~'.mp4";
    const task = await ended(await client.create({ template_name: template, input, output,
                                                   storage_id }));
    assert.equal(task.status, 'success', JSON.stringify(task));
    assert.ok(task.objkey.endsWith(`/${output}`), task.objkey);
    assert.match(task.output_url, form);
    const made = await call('GET', task.output_url);
    assert.equal(made.status, 200, made.text);
    assert.equal(made.headers['content-type'], 'video/mp4');
    assert.equal(made.body.subarray(4, 8).toString(), 'ftyp');
    assert.deepEqual((await call('GET', task.input_url)).body, small().bytes);
  }
}, long);

check_rgw('failures have their numbers', async () => {
  const wrong = await client.add_storage({ region, type: 's3', bucket: 'media-denied',
                                           storage_ak: rgw.access_key,
                                           storage_sk: 'wrong-secret-of-a-caller' });
  const lost = await client.add_storage({ region, type: 's3', bucket: 'media-absent' });
  const clip_url = 's3://media-in/clip.avi';
  const cases = [
    [{ input: 's3://media-in/nothing.avi', storage_id: good }, 1001, 'Input file not found'],
    [{ input: 's3://media-in/noise.avi', storage_id: good }, 1003, 'Invalid input file'],
    [{ input: clip_url, storage_id: wrong }, 1009, 'Access to output storage denied'],
    [{ input: clip_url, storage_id: lost }, 1009, 'Access to output storage denied'],
  ];
  for (const [fields, code, message] of cases) {
    const id = await client.create({ template_name: template, output: 'x', ...fields });
    const task = await ended(id);
    assert.equal(task.status, 'fail', JSON.stringify(task));
    assert.equal(task.err_code, code, JSON.stringify(task));
    assert.equal(task.err_message, message);
    assert.equal(task.output_url, '');
  }
}, long);

check_rgw('calls are refused by code, and the words are the vendor\'s', async () => {
  const code = async (...args) => (await client.json(...args)).code;
  const nobody = new VisionularClient(server.url, 'main', 'wrong-secret');
  const query = { task_id: '0'.repeat(32) };
  assert.deepEqual(await nobody.json('GET', 'query_task', { query }),
                   { code: 1003, data: null, msg: 'auth fail' });
  assert.deepEqual(await client.json('GET', 'query_task', { query }),
                   { code: 1004, data: null, msg: 'empty result' });
  assert.equal(await code('GET', 'query_task'), 1001);
  const task = { template_name: template, input: 's3://media-in/clip.avi', output: 'o',
                 storage_id: good };
  const created = (changes) => code('POST', 'create_task', { body: { ...task, ...changes } });
  assert.equal(await created({ output: '' }), 1001);
  assert.equal(await created({ template_name: 'nothing' }), 1004);
  assert.equal(await created({ template_name: 'FLV_AV1_480p' }), 1004);
  assert.equal(await created({ storage_id: 'ffffffffffffffff' }), 1004);
  assert.equal(await created({ input: 'file:///etc/passwd' }), 1002);
  assert.equal(await created({ input: 'http://127.0.0.1/a.mp4' }), 1002);
  assert.equal(await created({ input: 's3://elsewhere/a.mp4' }), 1002);
  assert.equal(await created({ output: '../secret' }), 1002);
  const storage = { region, type: 's3', bucket: 'media-out', prefix: 'web' };
  assert.equal(await code('POST', 'add_storage', { body: storage }), 1006);
  assert.equal(await code('POST', 'add_storage', { body: { ...storage, bucket: 'Media' } }), 1002);
  assert.equal(await code('POST', 'add_storage',
                          { body: { ...storage, endpoint: 'http://10.0.0.1' } }), 1002);
  assert.equal((await call('GET', `${server.url}/api/nothing`)).status, 404);
  assert.equal((await call('GET', `${server.url}/api/create_task`)).json().code, 1002);
  const old = client.headers('GET', '/api/list_storage', '', { date: 'Fri, 21 Nov 2025 12:00:00 GMT' });
  assert.equal(await code('GET', 'list_storage', { headers: old }), 1003);
  const types = (await call('GET', `${server.url}/api/list_storage_types`)).json();
  assert.deepEqual(types.data, { list: ['s3', 'oss', 'obs', 'cos'], num: 4 });
}, long);

check_rgw('a repeated request makes no second task', async () => {
  const body = { template_name: template, input: 's3://media-in/clip.avi', output: 'again',
                 storage_id: good };
  const headers = client.headers('POST', '/api/create_task', JSON.stringify(body));
  const first = await client.data('POST', 'create_task', { body, headers });
  const second = await client.data('POST', 'create_task', { body, headers });
  assert.equal(first.task_id, second.task_id);
  const now = Math.floor(Date.now() / 1000);
  const query = { start_time: now - 3600, end_time: now + 5, count: '2' };
  const page = await client.data('GET', 'list_task', { query });
  assert.equal(page.num, 2);
  assert.ok(page.total >= 2);
  assert.equal(page.list[0].task_id, first.task_id);
  await client.data('DELETE', 'del_task', { body: { task_id: first.task_id } });
  assert.equal((await client.json('GET', 'query_task', { query: first })).code, 1004);
}, long);

check_rgw('both generations show the same task', async () => {
  const id = await client.create({ template_name: template, input: 's3://media-in/clip.avi',
                                   output: 'both', storage_id: good, custom_info: 'mine' });
  await in_status(id, 'success');
  const answer = (await client.basic('GET', 'query_task', { query: { task_id: id } })).json();
  assert.ok(answer.request_id);
  assert.equal(answer.data.status, 'succeeded');
  assert.equal(answer.data.custom_info, 'mine');
  assert.equal(answer.data.source_resolution, '640x360');
  assert.equal(answer.data.storage_id, good);
  const wrong = await client.basic('GET', 'query_task', { query: { task_id: id }, secret: 'no' });
  assert.equal(wrong.status, 401);
  assert.equal(wrong.json().code, 1003);
}, long);

check_rgw('a storage in use stays, its secrets are shown to nobody', async () => {
  proxy.misbehave = ({ method, url }) =>
    (method === 'GET' && url.includes('held.avi') ? 'hold' : null);
  const id = await client.create({ template_name: template, input: 's3://flaky-in/held.avi',
                                   output: 'kept', storage_id: flaky });
  await in_status(id, 'downloading');
  const del = () => client.json('DELETE', 'del_storage', { query: { storage_id: flaky } });
  assert.equal((await del()).code, 1005);
  await until('the read to be held', () => proxy.held.length > 0);
  proxy.misbehave = () => null;
  proxy.release();
  await in_status(id, 'success');
  assert.equal((await del()).code, 0);
  assert.equal((await del()).code, 1004);
  // Links of ended tasks go on.
  assert.equal((await call('GET', (await client.query(id)).output_url)).status, 200);
  const listed = await client.raw('GET', 'list_storage');
  assert.doesNotMatch(listed.text, /secret|storage_sk/i);
}, long);

const large_job = (name) => ({
  input: null,
  outputs: [{ name, type: 'video', video: { preset: 'ultrafast', crf: 4 } }],
  destination: { endpoint: 'flaky', bucket: 'flaky-out', prefix: 'large' },
});
const upload_large = async () =>
  (await server.client.upload(fs.readFileSync(clip('bbb-1080p24.mp4')), 'bbb.mp4')).input;
const is_part = ({ method, url }) => method === 'PUT' && /partNumber=/.test(url);

check_if(lacks_rgw ?? lacks_clips, 'a store that misbehaves gets every byte all the same', async () => {
  const faults = [503, 'reset', 503];
  let completed = 0;
  proxy.misbehave = (request) => {
    if (is_part(request)) return faults.shift() ?? null;
    const completes = request.method === 'POST' && request.url.includes('uploadId=');
    return completes && completed++ === 0 ? 'complete-error' : null;
  };
  const { id } = await server.client.submit({ ...large_job('rough'), input: await upload_large() });
  const task = await server.client.succeeded(id);
  assert.ok(completed >= 2, 'completing was tried again');
  const [file] = task.outputs[0].files;
  const stored = await rgw.get('flaky-out', 'large/rough.mp4');
  assert.equal(md5(stored.body), file.md5);
  assert.equal(stored.body.length, file.size);
  assert.deepEqual(await rgw.uploads('flaky-out'), []);
  assert.equal((await call('GET', file.url)).status, 200);
  proxy.misbehave = () => null;
}, long);

/// Copies an object, and with a playlist what it names, to a folder: {key: size}.
async function fetch_published(key, folder, got = {}) {
  if (key in got) return got;
  const { body } = await rgw.get('media-out', key);
  got[key] = body.length;
  fs.mkdirSync(path.dirname(path.join(folder, key)), { recursive: true });
  fs.writeFileSync(path.join(folder, key), body);
  if (!key.endsWith('.m3u8')) return got;
  for (const line of body.toString().split('\n')) {
    const name = line.startsWith('#') ? /URI="([^"]+)"/.exec(line)?.[1] : line;
    if (name) await fetch_published(path.join(path.dirname(key), decodeURIComponent(name)), folder, got);
  }
  return got;
}

check_if(lacks_rgw ?? lacks_tools, 'a ladder under a name of its own plays from where it was put', async () => {
  const folder = temp_folder('published');
  const input = (await server.client.upload(small().bytes, 'clip.avi')).input;
  const video = (height) => ({ height, preset: 'ultrafast' });
  const ladder = (manifests) => [{ name: 'show', type: 'hls', segment: 2, manifests, renditions: [
    { name: 'a', video: video(180) }, { name: 'b', video: video(90) }] }];
  for (const [manifests, name, ...others] of [
    [['hls', 'dash'], 'one/first.m3u8', 'one/first/manifest.mpd'],
    [['dash', 'hls'], 'two/second.mpd', 'two/second/master.m3u8'],
    [['hls'], 'three/third.m3u8']]) {
    const { id } = await server.client.submit({ input, outputs: ladder(manifests), destination:
      { endpoint: 'lab', bucket: 'media-out', prefix: 'named/', name } });
    const [{ files, facts }] = (await server.client.succeeded(id)).outputs;
    for (const { url } of files) {
      const key = decodeURIComponent(new URL(url).pathname).replace(/^\/media-out\//, '');
      await fetch_published(key, folder);
    }
    for (const file of [name, ...others]) {
      const seen = await ffprobe(path.join(folder, 'named', file), { count: true });
      assert.equal(Number(seen.video.nb_read_frames), facts.video[0].frames, file);
      assert.ok(seen.audio, file);
    }
  }
  remove_folder(folder);
}, long);

check_rgw('an input whose bytes break off is read to its end', async () => {
  await rgw.put('flaky-in', 'cut.avi', small().bytes);
  let cuts = 2;
  proxy.misbehave = ({ method, url }) =>
    (method === 'GET' && url.includes('cut.avi') && cuts-- > 0 ? 'cut' : null);
  const id = await client.create({ template_name: template, input: 's3://flaky-in/cut.avi',
                                   output: 'cut', storage_id: good });
  await in_status(id, 'success');
  proxy.misbehave = () => null;
}, long);

check_if(lacks_rgw ?? lacks_clips,
         'a kill between parts leaves no upload behind and the object comes whole', async () => {
  let parts = 0;
  proxy.misbehave = (request) => (is_part(request) && parts++ > 0 ? 'hold' : null);
  const { id } = await server.client.submit({ ...large_job('killed'), input: await upload_large() });
  await until('a part to be held', () => proxy.held.length > 0, { guard: 300_000 });
  await server.kill();
  proxy.held.length = 0;
  proxy.misbehave = () => null;
  assert.deepEqual(await rgw.uploads('flaky-out'), ['large/killed.mp4']);
  await server.launch();
  const task = await server.client.succeeded(id);
  const stored = await rgw.get('flaky-out', 'large/killed.mp4');
  assert.equal(md5(stored.body), task.outputs[0].files[0].md5);
  assert.deepEqual(await rgw.uploads('flaky-out'), []);
}, long);

check_rgw('no secret is in the log or on disk in the open', () => {
  const log = server.process.stdout + server.process.stderr;
  const disk = ['telecine.db', 'telecine.db-wal']
    .map((name) => path.join(server.data, name))
    .filter((file) => fs.existsSync(file))
    .map((file) => fs.readFileSync(file, 'latin1'))
    .join('');
  for (const secret of [rgw.secret_key, 'wrong-secret-of-a-caller']) {
    assert.ok(!log.includes(secret), 'a secret is in the log');
    assert.ok(!disk.includes(secret), 'a secret is in the store');
  }
  assert.doesNotMatch(log, /Signature=[A-Za-z0-9]/);
}, long);
