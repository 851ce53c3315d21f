// Clients of Tencent VOD's v2 API work here after a change of their endpoint.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { call } from './support/http.mjs';
import { jpeg_size, md5, short_clip } from './support/media.mjs';
import { Receiver } from './support/receiver.mjs';
import { Server, Worker, create_key } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, until } from './support/suite.mjs';
import { Vod } from './support/vod.mjs';

const app_id = 1250000001;
let server;
let worker;
let source;
let hooks;
let vod;
let other;

async function client_for(to, id, account) {
  const secret = `secret-of-${id}-0001`;
  await create_key(to.data, { id, secret, account, app_id });
  return new Vod(to.url, id, secret);
}

before(async () => {
  source = await MediaSource.start();
  hooks = await Receiver.start();
  const flags = ['--network-allow-addresses', `${source.address},${hooks.address}`];
  server = await Server.start({
    flags: [...flags, '--worker-enabled', 'false', '--tencent-rate-per-minute', '0',
            '--tencent-callback-url', hooks.url, '--tencent-convert-definitions', '10,20'],
  });
  vod = await client_for(server, 'AKIDfirst', 'main');
  other = await client_for(server, 'AKIDsecond', 'stranger');
  source.serve('/a.avi', 'ok', short_clip().bytes, 'video/x-msvideo');
  source.serve('/page.mp4', 'ok', Buffer.from('<html>nothing to see</html>'), 'video/mp4');
  source.serve('/never.mp4', 'never');
}, { timeout: 120_000 });
after(async () => {
  await worker?.close();
  await Promise.all([server?.close(), source?.close(), hooks?.close()]);
}, { timeout: 180_000 });

/// The worker that the first check did without.
function start_worker() {
  worker ??= new Worker(server.data, ['--network-allow-addresses', source.address]);
}

const pull = (name, procedure, more = {}) => ({
  inputType: 'PullFile',
  'pull.url': `http://${source.address}/${name}`,
  'pull.fileName': 'a clip',
  procedure,
  ...more,
});

let file_id = null;
/// A file of the library, made by a pull.
async function library_file() {
  if (file_id === null) {
    start_worker();
    const id = await vod.run(pull('a.avi', 'QCVB_SimpleProcessFile()', { notifyMode: 'None' }));
    file_id = (await vod.finished(id)).data.fileId;
  }
  return file_id;
}

check('a pulled file goes from WAITING to FINISH, and every result can be fetched', async () => {
  const id = await vod.run(pull('a.avi', 'QCVB_SimpleProcessFile({10,20}, 0, 10, 10)',
                                { 'pull.fileMd5': md5(short_clip().bytes) }));
  assert.match(id, new RegExp(`^${app_id}-Procedure-[0-9a-f]{32}$`));
  const waiting = await vod.info(id);
  assert.equal(waiting.type, 'Procedure');
  assert.equal(waiting.status, 'WAITING');
  assert.equal(waiting.beginProcessTime, 0);
  assert.equal(waiting.finishTime, 0);
  start_worker();
  const { data, ...info } = await vod.finished(id);
  assert.ok(info.createTime <= info.beginProcessTime && info.beginProcessTime <= info.finishTime);
  assert.equal(data.vodTaskId, id);
  assert.equal(data.status, 'FINISH');
  assert.equal(data.errCode, 0);
  assert.match(data.fileId, /^[0-9]{17,20}$/);
  assert.equal(data.metaData.size, short_clip().bytes.length);
  assert.equal(data.metaData.md5, md5(short_clip().bytes));
  assert.equal(data.metaData.width, short_clip().width);
  assert.equal(data.metaData.duration, 2);
  assert.equal(data.metaData.videoStreamList[0].fps, 25);
  assert.equal(data.metaData.audioStreamList[0].samplingRate, 48000);
  const steps = data.processTaskList;
  assert.deepEqual(steps.map((step) => step.taskType),
                   ['PullFile', 'Transcode', 'Transcode', 'CoverBySnapshot', 'SampleSnapshot']);
  assert.ok(steps.every((step) => step.status === 'SUCCESS'), JSON.stringify(steps));
  const [pulled, fluent, standard, cover, sample] = steps;
  assert.equal(pulled.output.fileId, data.fileId);
  assert.equal(pulled.output.fileSize, String(short_clip().bytes.length));
  assert.deepEqual((await call('GET', pulled.output.url)).body, short_clip().bytes);
  assert.equal(fluent.input.definition, 10);
  assert.equal(standard.input.definition, 20);
  for (const { output } of [fluent, standard]) {
    const { body } = await call('GET', output.url);
    assert.equal(body.length, output.size);
    assert.equal(md5(body), output.md5);
    assert.equal(output.videoStreamList[0].codec, 'h264');
    assert.equal(output.audioStreamList[0].samplingRate, 44100);
    assert.ok(Math.abs(output.videoStreamList[0].fps - 24) <= 1, 'the preset says 24 a second');
    assert.ok(output.width <= short_clip().width, 'never enlarged');
  }
  assert.deepEqual(cover.input, { definition: 10, positionType: 'Time', position: 0 });
  assert.equal((await call('GET', cover.output.imageUrl)).headers['content-type'], 'image/jpeg');
  assert.equal(sample.output.imageUrls.length, 10);
  assert.equal((await call('GET', sample.output.imageUrls[9])).status, 200);
  const { body } = await until('the callback', () => hooks.requests.find(
    (request) => request.body.includes(id)));
  const packet = JSON.parse(body);
  assert.equal(packet.version, '4.0');
  assert.equal(packet.eventType, 'ProcedureStateChanged');
  assert.equal(packet.data.status, 'FINISH');
  assert.equal(packet.data.fileId, data.fileId);
});

check('a file of the library is processed, by a form and by multipart', async () => {
  const fileId = await library_file();
  for (const form of ['urlencoded', 'multipart']) {
    const { vodTaskId } = await vod.good('RunProcedure', {
      inputType: 'SingleFile', file_id: fileId, procedure: 'QCVB_SimpleProcessFile({10})',
    }, { method: 'POST', form, strong: true });
    const { data } = await vod.finished(vodTaskId);
    assert.equal(data.fileId, fileId);
    assert.deepEqual(data.processTaskList.map((step) => step.status), ['SUCCESS']);
  }
});

check('ProcessFile makes what is asked for', async () => {
  const fileId = await library_file();
  const { vodTaskId } = await vod.good('ProcessFile', {
    fileId, 'transcode.definition.1': 10, 'coverBySnapshot.definition': 10,
    'coverBySnapshot.positionType': 'Percent', 'coverBySnapshot.position': 50,
    'snapshotByTimeOffset.definition': 10, 'snapshotByTimeOffset.timeOffset.0': 1500,
    'snapshotByTimeOffset.timeOffset.1': 500,
  });
  const { data } = await vod.finished(vodTaskId);
  const by_type = Object.fromEntries(data.processTaskList.map((step) => [step.taskType, step]));
  assert.deepEqual(by_type.SnapshotByTimeOffset.output.imgInfo.map((one) => one.timeOffset),
                   [1500, 500]);
  assert.equal(by_type.CoverBySnapshot.input.position, 50);
  await vod.refused(1000, 'ProcessFile', { fileId });
  await vod.refused(1000, 'ProcessFile', { fileId, 'transcode.definition.0': 11 });
  await vod.refused(1000, 'ProcessFile', { fileId, 'imageSprite.definition': 11 });
  await vod.refused(1000, 'ProcessFile', { fileId, 'transcode.drm.definition': 10 });
  await vod.refused(1000, 'ProcessFile', { fileId, 'animatedGraphics.definition.0': 20000,
                                           'animatedGraphics.startTime': 2,
                                           'animatedGraphics.endTime': 1 });
  await vod.refused(1000, 'ProcessFile', { fileId, 'transcode.definition.0': 10,
                                           'transcode.hlsMasterPlaylist': 1 });
});

check('ProcessFile makes sprites, moving pictures and one playlist over the others', async () => {
  const fileId = await library_file();
  const { vodTaskId } = await vod.good('ProcessFile', {
    fileId, 'transcode.definition.0': 210, 'transcode.definition.1': 220,
    'transcode.hlsMasterPlaylist': 1, 'animatedGraphics.definition.0': 20000,
    'animatedGraphics.definition.1': 20001, 'animatedGraphics.startTime': 0,
    'animatedGraphics.endTime': 1, 'imageSprite.definition': 10,
  });
  const { data } = await vod.finished(vodTaskId);
  const steps = data.processTaskList;
  assert.deepEqual(steps.map((step) => [step.taskType, step.input.definition, step.status]), [
    ['Transcode', 210, 'SUCCESS'], ['Transcode', 220, 'SUCCESS'], ['Transcode', 10000, 'SUCCESS'],
    ['AnimatedGraphics', 20000, 'SUCCESS'], ['AnimatedGraphics', 20001, 'SUCCESS'],
    ['ImageSprites', 10, 'SUCCESS']]);
  const master = await call('GET', steps[2].output.url);
  assert.equal(master.text.match(/#EXT-X-STREAM-INF/g).length, 2);
  const [gif, webp] = steps.slice(3).map((step) => step.output);
  for (const [one, container] of [[gif, 'gif'], [webp, 'webp']]) {
    const { url, ...rest } = one;
    assert.deepEqual(rest, { container, fps: 2, height: short_clip().height,
                             width: short_clip().width });
    assert.equal((await call('GET', url)).headers['content-type'], `image/${container}`);
  }
  assert.deepEqual(steps[3].input, { definition: 20000, startTime: 0, endTime: 1 });
  const { totalCount, urlList, webVttUrl } = steps[5].output;
  assert.equal(totalCount, 1);
  assert.equal(urlList.length, 1);
  assert.deepEqual(jpeg_size((await call('GET', urlList[0])).body), { width: 1420, height: 800 });
  const vtt = await call('GET', webVttUrl);
  const [, name] = /^(\S+)#xywh=0,0,142,80$/m.exec(vtt.text);
  assert.equal((await call('GET', new URL(name, webVttUrl).href)).status, 200);
});

check('ConvertVodFile makes the configured set', async () => {
  const fileId = await library_file();
  const { vodTaskId } = await vod.good('ConvertVodFile', { fileId, isScreenshot: 1 });
  assert.match(vodTaskId, /-transcode-/);
  const info = await vod.finished(vodTaskId);
  assert.equal(info.type, 'transcode');
  const { data } = info;
  assert.equal(data.status, 0);
  assert.equal(data.errCode, 0);
  assert.equal(data.fileName, 'a clip');
  assert.equal(data.duration, 2);
  assert.equal((await call('GET', data.coverUrl)).status, 200);
  assert.deepEqual(data.playSet.map((one) => one.definition), [0, 10, 20]);
  for (const one of data.playSet) assert.equal((await call('GET', one.url)).status, 200);
  assert.equal(data.playSet[0].vwidth, short_clip().width);
});

check('a file is wrapped anew without being encoded', async () => {
  const clipped = await vod.good('ClipVideo', { fileId: await library_file(), newFileName: 'part' });
  const { fileInfo } = (await vod.finished(clipped.vodTaskId)).data;
  const { vodTaskId } = await vod.good('ProcessFile', {
    fileId: fileInfo.fileId, 'transcode.definition.0': 9, 'transcode.definition.1': 6,
    'transcode.definition.2': 510, 'transcode.definition.3': 710 });
  const { data } = await vod.finished(vodTaskId);
  assert.deepEqual(data.processTaskList.map((step) => [step.input.definition, step.status]),
                   [[9, 'SUCCESS'], [6, 'SUCCESS'], [510, 'SUCCESS'], [710, 'SUCCESS']]);
  const [mp4, hls, h265, flv] = data.processTaskList.map((step) => step.output);
  assert.deepEqual(mp4.videoStreamList[0].codec, 'h264');
  assert.equal(mp4.height, data.metaData.height);
  assert.equal(hls.container, 'hls,applehttp');
  assert.deepEqual([h265, flv].map((one) => one.videoStreamList[0].codec), ['hevc', 'hevc']);
  assert.equal(flv.container, 'flv');
  assert.equal(flv.height, h265.height);
  assert.equal((await call('GET', flv.url)).headers['content-type'], 'video/x-flv');
});

check('ClipVideo makes a new file', async () => {
  const fileId = await library_file();
  const { vodTaskId } = await vod.good('ClipVideo', {
    fileId, newFileName: 'part', startTimeOffset: '0.5', endTimeOffset: '-0.5',
  });
  assert.match(vodTaskId, /-clipVideo-/);
  const { data } = await vod.finished(vodTaskId);
  assert.equal(data.srcFileId, fileId);
  assert.equal(data.fileInfo.status, 0);
  assert.equal(data.fileInfo.fileType, 'mp4');
  assert.notEqual(data.fileInfo.fileId, fileId);
  assert.equal((await call('GET', data.fileInfo.fileUrl)).status, 200);
  const probe = await vod.run({ inputType: 'SingleFile', 'file.id': data.fileInfo.fileId,
                                procedure: 'QCVB_SimpleProcessFile()' });
  assert.equal((await vod.finished(probe)).data.metaData.duration, 1);
  for (const [startTimeOffset, endTimeOffset] of [[1, 1], [1, 0.5], [-1, -1.5], [5, 6], [0, 0]]) {
    await vod.refused(1000, 'ClipVideo', { fileId, newFileName: 'x', startTimeOffset,
                                           endTimeOffset });
  }
});

check('a source that is not there fails the task and not the call', async () => {
  start_worker();
  const info = await vod.finished(await vod.run(
    pull('none.mp4', 'QCVB_SimpleProcessFile({10})')));
  assert.equal(info.data.errCode, 30009);
  assert.equal(info.data.fileId, '');
  assert.ok(!('metaData' in info.data));
  assert.deepEqual(info.data.processTaskList.map((step) => [step.status, step.errCode]),
                   [['FAIL', 30009], ['FAIL', 30010]]);
  assert.equal(info.data.processTaskList[1].message, 'skipped');
});

check('what is no media fails after its pull', async () => {
  start_worker();
  const { data } = await vod.finished(await vod.run(
    pull('page.mp4', 'QCVB_SimpleProcessFile({10})')));
  assert.deepEqual(data.processTaskList.map((step) => [step.status, step.errCode]),
                   [['SUCCESS', 0], ['FAIL', 30009]]);
  assert.equal(data.errCode, 30009);
  assert.notEqual(data.fileId, '');
});

check('a pull that is retried keeps its file', async () => {
  start_worker();
  const id = await vod.run(pull('page.mp4', 'QCVB_SimpleProcessFile({10})'));
  const { data } = await vod.finished(id);
  const files = async () => (await server.client.get('/api/v1/files?limit=100')).files.length;
  const before_it = await files();
  await server.client.json('POST', `/api/v1/tasks/${id.split('-').at(-1)}/retry`);
  assert.equal((await vod.finished(id)).data.fileId, data.fileId);
  assert.equal(await files(), before_it);
});

check('another MD5 than the announced one fails the pull', async () => {
  start_worker();
  const { data } = await vod.finished(await vod.run(
    pull('a.avi', 'QCVB_SimpleProcessFile({10})', { 'pull.fileMd5': '0'.repeat(32) })));
  assert.equal(data.processTaskList[0].errCode, 30009);
});

check('a task that is cancelled while it pulls is FINISH with errors', async () => {
  start_worker();
  const id = await vod.run(pull('never.mp4', 'QCVB_SimpleProcessFile({10})'));
  const busy = await until('PROCESSING', async () => {
    const info = await vod.info(id);
    return info.status === 'PROCESSING' ? info : null;
  });
  assert.equal(busy.finishTime, 0);
  assert.equal(busy.data.status, 'PROCESSING');
  assert.deepEqual(busy.data.processTaskList.map((step) => step.status),
                   ['PROCESSING', 'PROCESSING']);
  await server.client.json('POST', `/api/v1/tasks/${id.split('-').at(-1)}/cancel`);
  const { data } = await vod.finished(id);
  assert.equal(data.errCode, 30010);
  assert.ok(data.processTaskList.every((step) => step.status === 'FAIL'));
});

check('tasks and files of another account do not exist', async () => {
  const fileId = await library_file();
  const id = await vod.run({ inputType: 'SingleFile', 'file.id': fileId,
                             procedure: 'QCVB_SimpleProcessFile()' });
  await other.refused(70014, 'GetTaskInfo', { vodTaskId: id });
  await other.refused(10008, 'RunProcedure', { inputType: 'SingleFile', 'file.id': fileId,
                                               procedure: 'QCVB_SimpleProcessFile()' });
  await other.refused(10009, 'ConvertVodFile', { fileId });
  await other.refused(10009, 'ClipVideo', { fileId, newFileName: 'x' });
  const empty = await other.good('GetTaskList', { status: 'FINISH' });
  assert.deepEqual(empty.data, { status: 'FINISH', next: '', taskList: [] });
  await vod.finished(id);
});

check('GetTaskInfo knows exactly the ids that were given out', async () => {
  const fileId = await library_file();
  const id = await vod.run({ inputType: 'SingleFile', 'file.id': fileId,
                             procedure: 'QCVB_SimpleProcessFile()' });
  for (const wrong of ['x', id.replace('Procedure', 'transcode'), id.slice(0, -1), `${id}0`,
                       id.replace(/.$/, (c) => (c === '0' ? '1' : '0'))]) {
    await vod.refused(70014, 'GetTaskInfo', { vodTaskId: wrong });
  }
  await vod.refused(1000, 'GetTaskInfo');
  await vod.refused(1000, 'GetTaskInfo', { vodTaskId: '' });
});

check('GetTaskList pages through the tasks of a state, newest first', async () => {
  const fileId = await library_file();
  const made = [];
  for (let i = 0; i < 5; i++) {
    made.push(await vod.run({ inputType: 'SingleFile', 'file.id': fileId, notifyMode: 'None',
                              procedure: 'QCVB_SimpleProcessFile()' }));
  }
  for (const id of made) await vod.finished(id);
  const seen = [];
  let next = '';
  do {
    const { data } = await vod.good('GetTaskList', { status: 'Finish', fileId, maxCount: 2, next });
    assert.equal(data.status, 'FINISH');
    assert.ok(data.taskList.length <= 2);
    seen.push(...data.taskList);
    next = data.next;
  } while (next !== '');
  assert.deepEqual(seen.slice(0, 5).map((task) => task.vodTaskId), made.reverse());
  assert.equal(new Set(seen.map((task) => task.vodTaskId)).size, seen.length);
  assert.ok(seen.every((task) => task.finishTime > 0 && task.type));
  const none = await vod.good('GetTaskList', { status: 'WAITING', fileId });
  assert.deepEqual(none.data.taskList, []);
  await vod.refused(1000, 'GetTaskList', { status: 'DONE' });
  await vod.refused(1000, 'GetTaskList', { status: 'FINISH', maxCount: 101 });
  await vod.refused(1000, 'GetTaskList', { status: 'FINISH', next: 'nonsense' });
});

check('requests that cannot be are refused in the documented order', async () => {
  for (const name of ['Action', 'SecretId', 'Timestamp', 'Nonce', 'Signature']) {
    await vod.refused(4000, 'GetTaskInfo', {}, { without: [name] });
  }
  await new Vod(server.url, 'AKIDnobody', 'x').refused(4104, 'GetTaskInfo');
  await new Vod(server.url, vod.id, 'not-the-secret').refused(4100, 'GetTaskInfo');
  await vod.refused(4100, 'GetTaskInfo', { vodTaskId: 'a' }, { change: { vodTaskId: 'b' } });
  await vod.refused(4100, 'GetTaskInfo', {}, { host: 'elsewhere.example.net' });
  const now = Math.floor(Date.now() / 1000);
  for (const Timestamp of [now - 7300, now + 7300]) {
    await vod.refused(4500, 'GetTaskInfo', {}, { common: { Timestamp } });
  }
  await vod.refused(4105, 'GetTaskInfo', { Token: 'abc' });
  await vod.refused(6100, 'SimpleTranscode');
  await vod.refused(1000, 'RunProcedure', { procedure: 'QCVB_SimpleProcessFile()' });
  await vod.refused(1000, 'RunProcedure', pull('a.avi', 'QCVB_SimpleProcessFile()',
                                               { priority: 11 }));
  await vod.refused(50007, 'RunProcedure', pull('a.avi', 'QCVB_Nothing()'));
  await vod.refused(50007, 'RunProcedure', pull('a.avi', 'QCVB_SimpleProcessFile({11})'));
  const form = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
  const answer = await call('POST', `${server.url}/v2/index.php`, { ...form, body: '{}' });
  assert.equal(answer.status, 200);
  assert.equal(answer.json().code, 4000);
  assert.equal((await call('PUT', `${server.url}/v2/index.php`, { body: '' })).json().code, 4000);
});

check('what clients do differently is accepted', async () => {
  const missing = { vodTaskId: 'none' };
  await vod.refused(70014, 'getTaskInfo', missing);
  await vod.refused(70014, 'GetTaskInfo', missing, { host: 'vod.api.qcloud.com' });
  await vod.refused(70014, 'GetTaskInfo', missing, { host: '127.0.0.1' });
  await vod.refused(70014, 'GetTaskInfo', { ...missing, some_thing: 'x', Zed: '' });
  await vod.refused(70014, 'GetTaskInfo', missing, { common: { Nonce: 0 } });
  await vod.refused(70014, 'GetTaskInfo', { ...missing, upload: '@file' }, { method: 'POST' });
});

/// A document without what its links were signed with.
const unsigned = (document) =>
  JSON.parse(JSON.stringify(document).replaceAll(/\?Expires=[^"]*/g, ''));
const packets_of = (id, receiver = hooks) => receiver.requests
  .filter((request) => request.body.includes(id))
  .map((request) => JSON.parse(request.body));

check('callbacks carry the data that GetTaskInfo answers, when they are wanted', async () => {
  const fileId = await library_file();
  const process = (notifyMode) => vod.run({
    inputType: 'SingleFile', 'file.id': fileId, notifyMode,
    procedure: 'QCVB_SimpleProcessFile({10}, 0, 10)',
  });
  const silent = await process('None');
  const talkative = await process('Change');
  const transcode = await vod.good('ConvertVodFile', { fileId });
  const clip = await vod.good('ClipVideo', { fileId, newFileName: 'x', endTimeOffset: 1 });
  for (const [id, eventType] of [[talkative, 'ProcedureStateChanged'],
                                 [transcode.vodTaskId, 'TranscodeComplete'],
                                 [clip.vodTaskId, 'ClipComplete']]) {
    const { data } = await vod.finished(id);
    const last = await until(`the callback of ${id}`, () => packets_of(id).find(
      (packet) => packet.data.status !== 'PROCESSING'));
    assert.deepEqual(unsigned(last), { version: '4.0', eventType, data: unsigned(data) });
  }
  const steps = packets_of(talkative).map(
    (packet) => packet.data.processTaskList.map((step) => step.status).join());
  assert.ok(steps.includes('PROCESSING,SUCCESS'), steps.join(' '));
  assert.equal(packets_of(transcode.vodTaskId).length, 1);
  assert.deepEqual(packets_of(silent), []);
  for (const { method, headers } of hooks.requests) {
    assert.equal(method, 'POST');
    assert.equal(headers['content-type'], 'application/json');
    assert.ok(!('webhook-signature' in headers), 'the vendor signs nothing');
  }
});

check('a callback that nobody answers is tried three times, and an answer of any kind is one',
      async () => {
  const deaf = await Receiver.start({ answers: ['cut', 'cut', 'cut', 500] });
  const calling = await Server.start({ flags: [
    '--network-allow-addresses', `${source.address},${deaf.address}`,
    '--tencent-callback-url', deaf.url] });
  try {
    const client = await client_for(calling, 'AKIDcalling', 'main');
    const probe = () => client.run(pull('none.mp4', 'QCVB_SimpleProcessFile()'));
    const unheard = await probe();
    await deaf.request(2);
    const heard = await probe();
    await deaf.request(3);
    for (const [id, tries, delivered] of [[unheard, 3, false], [heard, 1, true]]) {
      const task = id.split('-').at(-1);
      const found = await until('the end of the tries', async () => {
        const { deliveries } = await calling.client.get(`/api/v1/tasks/${task}/deliveries`);
        return deliveries.find((one) => one.next_attempt === null);
      });
      assert.equal(found.delivered, delivered);
      assert.equal(found.attempts.length, tries);
      assert.equal(packets_of(id, deaf).length, tries);
    }
  } finally {
    await calling.close();
    await deaf.close();
  }
});

check('call 101 of a minute is refused, for its key and action only', async () => {
  const limited = await Server.start({ flags: ['--worker-enabled', 'false',
                                               '--tencent-replay-check', 'true',
                                               '--tencent-error-style', 'observed'] });
  try {
    const one = await client_for(limited, 'AKIDlimited', 'main');
    const two = await client_for(limited, 'AKIDunlimited', 'main');
    for (let i = 0; i < 100; i++) {
      const answer = await one.refused(4000, 'GetTaskInfo', { vodTaskId: 'none' });
      assert.equal(answer.codeDesc, 70014);
      assert.match(answer.message, /^\(70014\)/);
    }
    const answer = await one.refused(4400, 'GetTaskInfo', { vodTaskId: 'none' });
    assert.equal(answer.codeDesc, 'LimitExceeded');
    await one.good('GetTaskList', { status: 'WAITING' });
    await two.refused(4000, 'GetTaskInfo', { vodTaskId: 'none' });
    const same = { common: { Nonce: 1, Timestamp: Math.floor(Date.now() / 1000) } };
    await two.good('GetTaskList', { status: 'WAITING' }, same);
    await two.refused(4500, 'GetTaskList', { status: 'WAITING' }, same);
  } finally {
    await limited.close();
  }
});
