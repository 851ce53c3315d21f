// Visionular's calls as a strict client makes them, right and wrong, over the server's own store:
// both authentications, every code, templates, lists, and the answers byte for byte.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { call } from './support/http.mjs';
import { ffprobe, lacks_tools, short_clip, synthesised } from './support/media.mjs';
import { Server, create_key } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, check_if, temp_folder, until } from './support/suite.mjs';
import { VisionularClient } from './support/visionular.mjs';

const key = 'TELECINEVISIONAK';
const secret = 'telecine0vision0secret0key000032';
const template = 'MP4_264_360p';
const texts = { 1000: 'internal error', 1001: 'lack param', 1002: 'bad param', 1003: 'auth fail',
                1004: 'empty result', 1005: 'operation fail', 1006: 'duplicated entity' };
let server;
let source;
let client;
let stranger;
let input;
let storage;

before(async () => {
  source = await MediaSource.start();
  input = source.serve('/in/clip.avi', 'ok', short_clip().bytes);
  const data = temp_folder('visionular');
  await create_key(data, { id: key, secret, account: 'main' });
  await create_key(data, { id: 'stranger', secret, account: 'other' });
  await create_key(data, { id: 'reader', secret, account: 'main', scopes: 'read' });
  server = await Server.start({
    data, flags: ['--network-allow-addresses', source.address,
                  '--server-trusted-proxies', '127.0.0.1'] });
  client = new VisionularClient(server.url, key, secret);
  stranger = new VisionularClient(server.url, 'stranger', secret);
  storage = await client.add_storage({ region: 'here', type: 'file', bucket: 'results',
                                       prefix: 'web' });
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await source?.close();
});

/// The whole answer of a refused call, which says nothing beside its code.
function refused(answer, code, status = 200) {
  const body = answer.json();
  delete body.request_id;
  assert.deepEqual(body, { code, data: null, msg: texts[code] });
  assert.equal(answer.status, status);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
}
const task_of = (own = {}) => ({ template_name: template, input, output: 'a', storage_id: storage,
                                 ...own });
const ended = (id) => until(`the end of ${id}`, async () => {
  const task = await client.query(id);
  return ['success', 'fail'].includes(task.status) ? task : null;
}, { guard: 300_000 });
async function made(own) {
  const task = await ended(await client.create(task_of(own)));
  assert.equal(task.status, 'success', JSON.stringify(task));
  return task;
}

check('a wrong signature is refused, whatever is wrong with it', async () => {
  const target = '/api/list_storage';
  const right = (options) => client.headers('GET', target, '', options);
  const get = (headers) => call('GET', server.url + target, { headers });
  assert.equal((await get(right())).json().code, 0);
  assert.equal((await get(right({ end: '\n' }))).json().code, 0);
  const minutes = (count) => new Date(Date.now() + count * 60_000).toUTCString();
  assert.equal((await get(right({ date: minutes(-14) }))).json().code, 0);
  const { Authorization, Date: date, ...rest } = right();
  const wrong = {
    'no header': rest,
    'no date': { ...rest, Authorization },
    'another form of date': right({ date: new Date().toISOString() }),
    'a date of a quarter of an hour ago': right({ date: minutes(-16) }),
    'a date in a quarter of an hour': right({ date: minutes(16) }),
    'another date than the signed one': { ...rest, Authorization, Date: minutes(1) },
    'another nonce': { ...right(), 'X-Wz-Nonce': 'other' },
    'no key': { ...rest, Date: date, Authorization: Authorization.replace(/AccessKeyId=.*?,/, '') },
    'another scheme': { ...rest, Date: date, Authorization: Authorization.replace('Vis', 'Fis') },
    'another secret': new VisionularClient('', key, 'x'.repeat(32)).headers('GET', target, ''),
    'an unknown key': new VisionularClient('', 'nobody', secret).headers('GET', target, ''),
    'another path': client.headers('GET', '/api/list_task', ''),
    'another method': client.headers('POST', target, ''),
    Basic: { Authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}` },
  };
  for (const [what, headers] of Object.entries(wrong)) {
    const answer = await get(headers);
    assert.equal(answer.json().code, 1003, what);
    refused(answer, 1003);
  }
});

check('a signature covers the body and the query', async () => {
  const body = task_of({ output: 'signed' });
  const headers = client.headers('POST', '/api/create_task', JSON.stringify(body));
  const post = (changes, text = JSON.stringify(body)) =>
    call('POST', `${server.url}/api/create_task`, { body: text, headers: { ...headers, ...changes } });
  refused(await post({}, JSON.stringify(task_of({ output: 'altered' }))), 1003);
  refused(await post({ 'Content-Md5': '' }), 1003);
  refused(await post({ 'Content-Md5': Buffer.alloc(16).toString('hex') }), 1003);
  refused(await post({ 'Content-Type': 'text/plain' }), 1003);
  const target = '/api/query_task?task_id=1&a=%2F+x';
  assert.equal((await call('GET', server.url + target,
                           { headers: client.headers('GET', target, '') })).json().code, 1004);
  const decoded = client.headers('GET', '/api/query_task?task_id=1&a=/ x', '');
  assert.equal((await call('GET', server.url + target, { headers: decoded })).json().code, 1004);
  refused(await call('GET', `${server.url}/api/query_task?task_id=2`,
                     { headers: client.headers('GET', '/api/query_task?task_id=1', '') }), 1003);
});

check('the newer generation takes Basic and signatures, and answers 401 without', async () => {
  const answer = await client.basic('GET', 'list_storage');
  const body = answer.json();
  assert.match(body.request_id, /./);
  assert.deepEqual(Object.keys(body), ['code', 'data', 'msg', 'request_id']);
  assert.deepEqual(body.data.list.map((one) => Object.keys(one).sort()),
                   [['bucket', 'created_time', 'extra', 'name_rule', 'notify', 'prefix', 'region',
                     'storage_id', 'type']]);
  const target = '/vodencoding/v1/list_storage';
  assert.equal((await call('GET', server.url + target,
                           { headers: client.headers('GET', target, '') })).json().code, 0);
  refused(await client.basic('GET', 'list_storage', { secret: 'no' }), 1003, 401);
  refused(await call('GET', server.url + target), 1003, 401);
  refused(await call('GET', server.url + target, { headers: { Authorization: 'Basic !' } }),
          1003, 401);
  refused(await client.basic('POST', 'create_task', { body: task_of({ input: '' }) }), 1001);
});

check('what the newer generation makes it shows in its own words', async () => {
  const { task_id } = (await client.basic('POST', 'create_task',
                                          { body: task_of({ output: 'b/x', custom_info: { a: 1 } }) }))
    .json().data;
  await ended(task_id);
  const { data } = (await client.basic('GET', 'query_task', { query: { task_id } })).json();
  assert.deepEqual(Object.keys(data).sort(), [
    'code', 'created_time', 'custom_info', 'duration', 'encrypt_info', 'finished_time', 'format',
    'input', 'message', 'output', 'output_audio_codec', 'output_audio_samplerate',
    'output_bitrate', 'output_framerate', 'output_groups', 'output_media_size',
    'output_resolution', 'output_size', 'output_video_codec', 'progress', 'ratio', 'region',
    'source_audio_bitrate', 'source_audio_codec', 'source_bitrate', 'source_framerate',
    'source_resolution', 'source_size', 'source_video_bitrate', 'source_video_codec',
    'spend_time', 'started_time', 'status', 'storage_id', 'task_id', 'template_name']);
  assert.equal(data.status, 'succeeded');
  assert.equal(data.progress, 100);
  assert.equal(data.custom_info, '{"a":1}');
  assert.equal(data.output, 'file://results/web/b/x.mp4');
  assert.equal(data.output_resolution, '320x240');
  assert.equal(data.output_video_codec, 'h264');
});

check('the answer to query_task is this, byte for byte', async () => {
  const id = await client.create(task_of({ output: 'account/output/test' }));
  const task = await ended(id);
  const text = (await client.raw('GET', 'query_task', { query: { task_id: id } })).text;
  const number = (value) => JSON.stringify(value);
  const url = JSON.parse(text).data.output_url;
  assert.equal(text, `{"code":0,"data":{"bucket":"results","create_time":${task.create_time},` +
    `"dst_bitrate":${number(task.dst_bitrate)},"err_code":0,"err_message":"success",` +
    `"finish_time":${task.finish_time},"input":"${input}","input_url":"${input}",` +
    '"objkey":"web/account/output/test.mp4","output":"file://results/web/account/output/test.mp4",' +
    `"output_url":"${url}","region":"here","region_type":"file",` +
    `"src_bitrate":${number(task.src_bitrate)},"status":"success","task_id":"${id}",` +
    '"template_id":"builtin-MP4-264-360p","template_name":"MP4_264_360p"},"msg":"success"}');
  const output = await call('GET', url);
  assert.equal(output.status, 200);
  const { seconds, bytes } = short_clip();
  assert.equal(task.src_bitrate, Math.round(bytes.length * 8 / seconds) / 1000);
  assert.ok(Math.abs(task.dst_bitrate - output.body.length * 8 / seconds / 1000) < 50);
  assert.match(text, /_bitrate":\d+(\.\d{1,3})?,/);
});

check('links begin as the proxy in front of the server says', async () => {
  const { task_id } = await made({ output: 'behind-a-proxy' });
  const target = `/api/query_task?task_id=${task_id}`;
  const headers = { ...client.headers('GET', target, ''), 'X-Forwarded-Proto': 'https',
                    'X-Forwarded-Host': 'media.example.org' };
  const answer = await call('GET', server.url + target, { headers });
  assert.match(answer.json().data.output_url, /^https:\/\/media\.example\.org\//, answer.text);
});

check('a task that fails says so in the vendor\'s numbers', async () => {
  const url = source.serve('/in/noise.avi', 'ok', Buffer.alloc(50_000, 'no video '));
  const task = await ended(await client.create(task_of({ input: url })));
  assert.deepEqual({ ...task, create_time: 0, finish_time: task.finish_time > 0, task_id: '' }, {
    bucket: 'results', create_time: 0, dst_bitrate: 0, err_code: 1003,
    err_message: 'Invalid input file', finish_time: true, input: url, input_url: url,
    objkey: 'web/a.mp4', output: 'file://results/web/a.mp4', output_url: '', region: 'here',
    region_type: 'file', src_bitrate: 0, status: 'fail', task_id: '',
    template_id: 'builtin-MP4-264-360p', template_name: template });
});

check('ids that are nobody\'s or another account\'s are unknown', async () => {
  const id = await client.create(task_of());
  const get = (who, task_id) => who.raw('GET', 'query_task', { query: { task_id } });
  refused(await get(stranger, id), 1004);
  refused(await stranger.raw('DELETE', 'del_task', { body: { task_id: id } }), 1004);
  for (const unknown of ['0'.repeat(32), 'x', '1', id.toUpperCase() + '0', `${id} `]) {
    refused(await get(client, unknown), 1004);
  }
  refused(await client.raw('GET', 'query_task'), 1001);
  refused(await get(client, ''), 1001);
  refused(await client.raw('GET', 'query_task', { body: { task_id: null } }), 1001);
  refused(await client.raw('GET', 'query_task', { body: { task_id: 5 } }), 1002);
  // The page's own example sends a body with GET.
  assert.equal((await client.data('GET', 'query_task', { body: { task_id: id } })).task_id, id);
  refused(await stranger.raw('POST', 'create_task', { body: task_of() }), 1004);
  refused(await stranger.raw('DELETE', 'del_storage', { body: { storage_id: storage } }), 1004);
});

check('create_task refuses what cannot be, the missing before the wrong', async () => {
  const create = (own) => client.raw('POST', 'create_task', { body: task_of(own) });
  for (const name of ['template_name', 'input', 'output', 'storage_id']) {
    for (const value of [undefined, null, '']) refused(await create({ [name]: value }), 1001);
    refused(await create({ [name]: 7 }), 1002);
  }
  refused(await create({ template_name: 7, storage_id: '' }), 1001);
  for (const bad of ['ftp://a.example/b', 'a.mp4', 'file:///etc/passwd', 's3://bucket', 's3://B/',
                     'http://10.0.0.1/a.mp4', 'http://[::1]/a.mp4', 'http://u:p@a.example/b']) {
    refused(await create({ input: bad, template_name: 'unknown' }), 1002);
  }
  for (const bad of ['/a', 'a/', 'a/../b', './a', '..', 'a\nb', 'x'.repeat(901)]) {
    refused(await create({ output: bad, storage_id: 'unknown' }), 1002);
  }
  refused(await create({ template_name: 'unknown' }), 1004);
  refused(await create({ storage_id: '0123456789abcdef' }), 1004);
  refused(await create({ input: 's3://nobody-serves-this/a.mp4' }), 1002);
});

check('the transport answers in the envelope too', async () => {
  const text = '{"a":';
  const post = (body) => call('POST', `${server.url}/api/create_task`, {
    body, headers: client.headers('POST', '/api/create_task', body) });
  refused(await post(text), 1002);
  refused(await post('[1]'), 1002);
  refused(await post(JSON.stringify({ output: 'x'.repeat(1 << 20) })), 1002, 413);
  refused(await client.raw('GET', 'nothing'), 1002, 404);
  const wrong = await client.raw('GET', 'create_task');
  refused(wrong, 1002, 405);
  assert.equal(wrong.headers.allow, 'POST');
  refused(await call('GET', `${server.url}/vodencoding/v1/nothing`), 1002, 404);
  const detail = await client.raw('POST', 'create_task', { body: task_of({ output: '/x' }) });
  assert.match(detail.headers['x-error-detail'], /^output must be/);
  const reader = new VisionularClient(server.url, 'reader', secret);
  refused(await reader.raw('POST', 'create_task', { body: task_of() }), 1003);
  assert.equal((await reader.json('GET', 'list_storage')).code, 0);
});

check('a captured request gets the first answer again and does nothing', async () => {
  const twice = async (name, body) => {
    const headers = client.headers('POST', `/api/${name}`, JSON.stringify(body));
    const first = await client.raw('POST', name, { body, headers });
    return [first.text, async () => (await client.raw('POST', name, { body, headers })).text];
  };
  const [task, task_again] = await twice('create_task', task_of({ output: 'once' }));
  assert.equal(await task_again(), task);
  const place = { region: 'here', type: 'file', bucket: 'replayed' };
  const [storage_made, storage_again] = await twice('add_storage', place);
  await client.data('DELETE', 'del_storage', { body: JSON.parse(storage_made).data });
  assert.equal(await storage_again(), storage_made);
  assert.deepEqual((await client.data('GET', 'list_storage')).list.map((one) => one.bucket),
                   ['results']);
  const [unknown, unknown_again] = await twice('create_task', task_of({ template_name: 'later' }));
  await client.data('POST', 'add_template', { body: { name: 'later' } });
  assert.equal(JSON.parse(unknown).code, 1004);
  assert.equal(await unknown_again(), unknown);
  await client.data('DELETE', 'del_template', { body: { name: 'later' } });
  // A restart forgets refusals, not what was made.
  await server.restart();
  assert.equal(await task_again(), task);
});

check('storages are named once, and their fields are checked', async () => {
  const place = { region: 'here', type: 'file', bucket: 'second', prefix: 'p' };
  const add = (own) => client.raw('POST', 'add_storage', { body: { ...place, ...own } });
  for (const name of ['region', 'type', 'bucket']) refused(await add({ [name]: '' }), 1001);
  refused(await add({ region: 5, bucket: '' }), 1001);
  for (const own of [{ region: 5 }, { type: 'gcs' }, { type: 's3' }, { bucket: 'Second' },
                     { bucket: 'ab' }, { prefix: '../x' }, { prefix: '/x' },
                     { notify: 'http://10.0.0.1/hook' }, { notify: 'hook' },
                     { type: 's3', endpoint: 'http://a.example' }, { storage_aK: 'only-one' }]) {
    refused(await add(own), 1002);
  }
  const { storage_id } = (await add()).json().data;
  assert.match(storage_id, /^[0-9a-f]{16}$/);
  refused(await add(), 1006);
  refused(await add({ prefix: 'p/' }), 1006);
  const { list, num } = await client.data('GET', 'list_storage');
  assert.equal(num, 2);
  assert.deepEqual({ ...list[1], create_time: 0, update_time: 0 },
                   { bucket: 'second', create_time: 0, extra: '', name_rule: '', notify_info: '',
                     prefix: 'p', region: 'here', storage_id, type: 'file', update_time: 0 });
  assert.equal((await client.json('DELETE', 'del_storage', { query: { storage_id } })).code, 0);
  refused(await client.raw('DELETE', 'del_storage', { body: { storage_id } }), 1004);
  refused(await client.raw('DELETE', 'del_storage'), 1001);
  for (const name of ['list_storage_type', 'list_storage_types']) {
    assert.equal((await call('GET', `${server.url}/api/${name}`)).text,
                 '{"code":0,"data":{"list":["s3","oss","obs","cos"],"num":4},"msg":"success"}');
  }
});

check('templates are made, changed, used and deleted', async () => {
  const add = (body) => client.raw('POST', 'add_template', { body });
  const change = (body) => client.raw('PUT', 'update_template', { body });
  const remove = (body) => client.raw('DELETE', 'del_template', { body });
  const find = (query) => client.raw('GET', 'query_template', { query });
  refused(await add({ format: 'mp4' }), 1001);
  refused(await add({ name: 'a b' }), 1002);
  refused(await add({ name: 'own', quality: 11 }), 1002);
  refused(await add({ name: 'own', vcodec: 'vp9' }), 1002);
  refused(await add({ name: 'own', format: 'flv', vcodec: 'av1' }), 1002);
  refused(await add({ name: 'own', logo_path: 'https://a.example/l.png' }), 1002);
  refused(await add({ name: 'MP4_265_480p' }), 1006);
  const own = (await add({ name: 'own', vcodec: 'h265', quality: '2.5', audio_bitrate: 64000,
                           resolution: '160x90' })).json().data;
  assert.deepEqual({ ...own, template_id: '' }, {
    name: 'own', description: '', format: 'mp4', vcodec: 'h265', acodec: 'aac', quality: 2.5,
    framerate: 0, resolution: '160x90', audio_bitrate: 64000, template_id: '', hls_seg_time: 0,
    logo_path: '', logo_size: '', logo_offset: '', template_type: 'custom' });
  assert.match(own.template_id, /^[0-9a-f]{16}$/);
  refused(await add({ name: 'own' }), 1006);
  assert.deepEqual((await find({ template_id: own.template_id })).json().data, own);
  refused(await stranger.raw('GET', 'query_template', { query: { name: 'own' } }), 1004);
  refused(await change({ framerate: 5 }), 1001);
  refused(await change({ name: 'none', framerate: 5 }), 1004);
  refused(await change({ name: 'own', framerate: 121 }), 1002);
  refused(await change({ name: template, framerate: 5 }), 1005);
  const changed = (await change({ name: 'own', framerate: 5, description: 'slow' })).json().data;
  assert.deepEqual(changed, { ...own, framerate: 5, description: 'slow' });
  const task = await made({ template_name: 'own', output: 'own' });
  assert.equal(task.template_id, own.template_id);
  const { list, num } = await client.data('GET', 'list_template');
  assert.equal(num, list.length);
  assert.deepEqual(list.at(-1), changed);
  assert.ok(list.some((one) => one.vcodec === 'av1'));
  const newer = (await client.basic('GET', 'query_template', { query: { template_name: 'own' } }))
    .json().data;
  assert.equal(newer.built_in, false);
  assert.equal(newer.template_name, 'own');
  refused(await remove({ name: template }), 1005);
  assert.equal((await remove({ name: 'own' })).text, '{"code":0,"data":null,"msg":"success"}');
  refused(await remove({ name: 'own' }), 1004);
  refused(await find({ name: 'own' }), 1004);
  refused(await find({ template_id: 'builtin-FLV-AV1-360p' }), 1004);
  refused(await find({}), 1001);
});

/// What ffprobe sees of a template's output.
async function look(template_name, url, extension) {
  const task = await made({ template_name, input: url, output: `look/${template_name}` });
  assert.ok(task.objkey.endsWith(`${template_name}.${extension}`), task.objkey);
  if (extension === 'm3u8') return { task, facts: await ffprobe(task.output_url) };
  const file = path.join(temp_folder('look'), `a.${extension}`);
  fs.writeFileSync(file, (await call('GET', task.output_url)).body);
  return { task, facts: await ffprobe(file) };
}

check_if(lacks_tools, 'built-in templates encode what their names say', async () => {
  const clip = synthesised({ width: 854, height: 480, rate: 30, frames: 60 });
  const url = source.serve('/in/wide.avi', 'ok', clip.bytes);
  const wanted = [
    ['MP4_264_360p', 'mp4', 'h264', 360], ['MP4_265_360p', 'mp4', 'hevc', 360],
    ['MP4_265_Original', 'mp4', 'hevc', 480], ['MP4_264_4K', 'mp4', 'h264', 480],
    ['FLV_264_360p', 'flv', 'h264', 360], ['480p', 'mp4', 'h264', 480],
    ['MP4_AV1_360p', 'mp4', 'av1', 360],
  ];
  for (const [name, extension, codec, height] of wanted) {
    const { facts } = await look(name, url, extension);
    assert.ok(facts.format.format_name.split(',').includes(extension), name);
    assert.equal(facts.video.codec_name, codec, name);
    assert.equal(facts.video.height, height, name);
    assert.equal(facts.audio.codec_name, 'aac', name);
    if (name === '480p') {
      const [frames, per] = facts.video.avg_frame_rate.split('/');
      assert.ok(Math.abs(frames / per - 25) < 0.01, facts.video.avg_frame_rate);
    }
    if (codec === 'hevc') assert.equal(facts.video.codec_tag_string, 'hvc1');
  }
}, { timeout: 600_000 });

check('HLS has TS segments for H.264 and fragmented MP4 for the others', async () => {
  const clip = synthesised({ width: 320, height: 240, rate: 25, frames: 200 });
  const url = source.serve('/in/long.avi', 'ok', clip.bytes);
  for (const [name, segment] of [['HLS_264_360p', /\.ts\?/], ['HLS_265_360p', /\.m4s\?/],
                                 ['HLS_AV1_360p', /\.m4s\?/]]) {
    const task = await made({ template_name: name, input: url, output: `hls/${name}` });
    const reference = (text) => text.split('\n').find((line) => line && !line.startsWith('#'));
    const master = await call('GET', task.output_url);
    const playlist_url = new URL(reference(master.text), task.output_url);
    const playlist = await call('GET', playlist_url);
    assert.equal(playlist.status, 200);
    assert.match(reference(playlist.text), segment);
    assert.equal((await call('GET', new URL(reference(playlist.text), playlist_url))).status, 200);
  }
}, { timeout: 600_000 });

check('lists show a window, newest first, and hide what was deleted', async () => {
  const ids = [];
  for (const output of ['l1', 'l2', 'l3']) ids.unshift(await client.create(task_of({ output })));
  for (const id of ids) await ended(id);
  const [{ create_time: end_time }, { create_time: start_time }] =
    [await client.query(ids[0]), await client.query(ids[2])];
  const list = async (own = {}) =>
    client.data('GET', 'list_task', { query: { start_time, end_time, ...own } });
  const whole = await list();
  const shown = whole.list.map((task) => task.task_id);
  assert.deepEqual(shown.slice(0, 3), ids);
  assert.equal(whole.num, whole.list.length);
  assert.equal(whole.total, whole.num);
  const times = whole.list.map((task) => task.create_time);
  assert.deepEqual(times, [...times].sort((a, b) => b - a));
  const page = await list({ start_num: 1, count: '1' });
  assert.deepEqual([page.list[0].task_id, page.num, page.total], [ids[1], 1, whole.total]);
  assert.deepEqual(await list({ skip: 1, limit: 1 }), page);
  assert.equal((await list({ start_time: start_time * 1000, end_time: end_time * 1000 + 999 }))
    .total, whole.total);
  assert.equal((await list({ status: 'success' })).total, (await list({ status: 'succeeded' })).total);
  assert.deepEqual(await list({ status: 'pending' }), { list: [], num: 0, total: 0 });
  assert.deepEqual(await stranger.data('GET', 'list_task', { query: { start_time, end_time } }),
                   { list: [], num: 0, total: 0 });
  const bad = (query) => client.raw('GET', 'list_task', { query });
  refused(await bad({ start_time }), 1001);
  refused(await bad({ start_time, end_time: start_time - 1 }), 1002);
  refused(await bad({ start_time, end_time: 'soon' }), 1002);
  refused(await bad({ start_time, end_time, status: 'done' }), 1002);
  for (const count of [0, 1001, -1, 'x']) refused(await bad({ start_time, end_time, count }), 1002);
  refused(await bad({ start_time, end_time, start_num: -1 }), 1002);
  assert.equal((await client.raw('DELETE', 'del_task', { body: { task_id: ids[1] } })).text,
               '{"code":0,"data":null,"msg":"success"}');
  refused(await client.raw('DELETE', 'del_task', { query: { task_id: ids[1] } }), 1004);
  refused(await client.raw('GET', 'query_task', { query: { task_id: ids[1] } }), 1004);
  assert.equal((await list()).total, whole.total - 1);
});

check('a summary counts what was made', async () => {
  await made({ output: 'counted' });
  const { list, num, regions, resolution_types } =
    await client.data('GET', 'list_summary', { query: { start_time: 1, end_time: 0 } });
  assert.equal(num, list.length);
  assert.deepEqual(regions, ['here']);
  assert.deepEqual(resolution_types, ['sd', 'hd', '4k']);
  const last = list.at(-1);
  assert.equal(last.time_stamp % 3600, 0);
  assert.ok(last.count_total >= 1 && last.count_here_h264_sd >= 1);
  assert.ok(Object.values(last).every(Number.isInteger));
  assert.deepEqual((await client.data('GET', 'list_summary')).list, []);
  refused(await client.raw('GET', 'list_summary', { query: { start_time: 1, end_time: 2 } }), 1002);
});

check('in development mode everybody may call, signed or not', async () => {
  const own = await Server.start({ flags: ['--dev', '--network-allow-addresses', source.address],
                                   make_key: false }).catch((error) => error);
  assert.ok(own instanceof Server, own.message);
  try {
    const post = async (name, body) =>
      (await call('POST', `${own.url}/api/${name}`, { body })).json().data;
    const { storage_id } = await post('add_storage', { region: 'here', type: 'file', bucket: 'out' });
    const { task_id } = await post('create_task', task_of({ storage_id }));
    const unsigned = `${own.url}/api/query_task?task_id=${task_id}`;
    const wrong = { Date: 'yesterday', Authorization: 'Visionular AccessKeyId=a, Signature=b' };
    for (const headers of [{}, wrong, { Authorization: 'Basic x' }]) {
      assert.equal((await call('GET', unsigned, { headers })).json().data.task_id, task_id);
    }
    assert.equal((await call('GET', unsigned.replace('/api/', '/vodencoding/v1/'))).status, 200);
  } finally {
    await own.close();
  }
});
