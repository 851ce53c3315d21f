// The vendor's own Node client does real work here: it submits, polls, and what it is led to plays.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { call } from './support/http.mjs';
import { assert_decodes, clip, ffprobe, has_shared_clips, lacks_tools, short_clip,
         synthesised } from './support/media.mjs';
import { Qcloud, lacks_sdk } from './support/qcloud.mjs';
import { Server, Worker, create_key } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check_if, temp_folder } from './support/suite.mjs';

const app_id = 1250000001;
const secret = 'exampleTelecineKey0001';
let server;
let worker;
let source;
let vod;

async function key_for(to, id, account = 'main') {
  await create_key(to.data, { id, secret, account, app_id });
  return new Qcloud(to.url, id, secret);
}

/// A clip whose encode takes long enough to be watched.
const long_clip = () => (has_shared_clips
  ? { bytes: fs.readFileSync(clip('bbb-1080p24.mp4')), width: 1920, height: 1080, seconds: 12 }
  : synthesised({ width: 1280, height: 720, rate: 24, frames: 120 }));

before(async () => {
  if (lacks_sdk) return;
  source = await MediaSource.start();
  server = await Server.start({
    flags: ['--network-allow-addresses', source.address, '--worker-enabled', 'false',
            '--tencent-rate-per-minute', '0', '--tencent-convert-definitions', '10,20,220'],
  });
  vod = await key_for(server, 'AKIDexampleTelecine0001');
  source.serve('/long.mp4', 'ok', long_clip().bytes);
  source.serve('/short.avi', 'ok', short_clip().bytes, 'video/x-msvideo');
}, { timeout: 120_000 });
after(async () => {
  await worker?.close();
  await Promise.all([server?.close(), source?.close()]);
}, { timeout: 180_000 });

function start_worker() {
  worker ??= new Worker(server.data, ['--network-allow-addresses', source.address]);
}

const check_sdk = (name, body) => check_if(lacks_sdk, name, body);

const pull_of = (name, procedure, more = {}) => ({
  inputType: 'PullFile',
  pull: { url: `http://${source.address}/${name}`, fileName: 'a clip' },
  procedure,
  ...more,
});

async function submit(action, parameters, client = vod) {
  const document = await client.ask(action, parameters);
  assert.deepEqual(Object.keys(document), ['code', 'message', 'codeDesc', 'vodTaskId'],
                   JSON.stringify(document));
  return document.vodTaskId;
}

async function finished(id, client = vod) {
  return (await client.watch(id)).at(-1);
}

let file_id = null;
async function library_file() {
  if (file_id === null) {
    start_worker();
    const id = await submit('RunProcedure', pull_of('short.avi', 'QCVB_SimpleProcessFile'));
    file_id = (await finished(id)).data.fileId;
  }
  return file_id;
}

/// The result's bytes in a file, and what ffprobe says of them.
async function fetched(url, name) {
  const answer = await call('GET', url);
  assert.equal(answer.status, 200, url);
  const file = path.join(temp_folder('result'), name);
  fs.writeFileSync(file, answer.body);
  if (lacks_tools) return { size: answer.body.length };
  await assert_decodes(file);
  return { size: answer.body.length, ...(await ffprobe(file, { count: true })) };
}

const states_of = (document) =>
  (document.data?.processTaskList ?? []).map((step) => `${step.taskType} ${step.status}`);

check_sdk('a pulled file is watched through its states, and the results play', async () => {
  const id = await submit('RunProcedure',
                          pull_of('long.mp4', 'QCVB_SimpleProcessFile({10,30}, 0, 10, 10)'));
  const waiting = await vod.info(id);
  assert.deepEqual(waiting, {
    code: 0, message: '', codeDesc: 'Success', type: 'Procedure', status: 'WAITING',
    createTime: waiting.createTime, beginProcessTime: 0, finishTime: 0,
  });
  start_worker();
  const seen = await vod.watch(id);
  const order = ['WAITING', 'PROCESSING', 'FINISH'];
  const ranks = seen.map((document) => order.indexOf(document.status));
  assert.ok(ranks.every((rank, i) => rank >= (ranks[i - 1] ?? 0)), `${ranks}`);
  const busy = seen.filter((document) => document.status === 'PROCESSING');
  assert.ok(busy.some((document) => states_of(document).join() === [
    'PullFile SUCCESS', 'Transcode PROCESSING', 'Transcode PROCESSING', 'CoverBySnapshot SUCCESS',
    'SampleSnapshot SUCCESS'].join()), 'pictures are there while the transcodes run');
  assert.ok(busy.every((document) => document.finishTime === 0 &&
                                     document.data.status === 'PROCESSING'));

  const { data } = seen.at(-1);
  const { bytes, width, height, seconds } = long_clip();
  assert.equal(data.metaData.size, bytes.length);
  assert.deepEqual([data.metaData.width, data.metaData.height], [width, height]);
  assert.equal(data.metaData.duration, Math.round(seconds));
  const [pulled, fluent, high, cover, sample] = data.processTaskList;
  assert.deepEqual((await call('GET', pulled.output.url)).body, bytes);
  for (const [{ input, output }, wide] of [[fluent, 320], [high, 1280]]) {
    const facts = await fetched(output.url, `f${input.definition}.mp4`);
    assert.equal(facts.size, output.size);
    assert.equal(output.width, wide);
    assert.equal(output.duration, Math.round(seconds));
    if (lacks_tools) continue;
    assert.equal(facts.video.codec_name, 'h264');
    assert.equal(facts.video.profile, 'High');
    assert.deepEqual([facts.video.width, facts.video.height], [output.width, output.height]);
    assert.ok(Math.abs(Number(facts.format.duration) - seconds) < 0.2, facts.format.duration);
    assert.equal(facts.audio.codec_name, 'aac');
    assert.equal(facts.audio.sample_rate, '44100');
    assert.equal(facts.audio.channels, 2);
  }
  assert.equal(sample.output.imageUrls.length, 10);
  for (const url of [cover.output.imageUrl, ...sample.output.imageUrls]) {
    const picture = await fetched(url, 'picture.jpg');
    if (lacks_tools) continue;
    assert.equal(picture.video.codec_name, 'mjpeg');
    assert.deepEqual([picture.video.width, picture.video.height], [width, height]);
  }
});

check_if(lacks_sdk ?? lacks_tools, 'every wrapping of the preset templates holds what it should',
         async () => {
  const wanted = {
    10: ['mov,mp4,m4a,3gp,3g2,mj2', 'h264', 'aac'], 210: ['hls', 'h264', 'aac'],
    10046: ['flv', 'h264', 'mp3'], 510: ['mov,mp4,m4a,3gp,3g2,mj2', 'hevc', 'aac'],
    610: ['hls', 'hevc', 'aac'], 1100: ['mov,mp4,m4a,3gp,3g2,mj2', undefined, 'aac'],
    1010: ['mp3', undefined, 'mp3'],
  };
  const fileId = await library_file();
  const id = await submit('RunProcedure', {
    inputType: 'SingleFile', file: { id: fileId },
    procedure: `QCVB_SimpleProcessFile({${Object.keys(wanted)}})`,
  });
  const { data } = await finished(id);
  assert.equal(data.processTaskList.length, Object.keys(wanted).length);
  for (const { status, input, output } of data.processTaskList) {
    assert.equal(status, 'SUCCESS', JSON.stringify(data));
    const facts = await ffprobe(output.url);
    assert.deepEqual([facts.format.format_name, facts.video?.codec_name, facts.audio.codec_name],
                     wanted[input.definition], `definition ${input.definition}`);
    assert.equal(output.container.split(',')[0], facts.format.format_name.split(',')[0]);
    assert.deepEqual([output.width, output.height],
                     [facts.video?.width ?? 0, facts.video?.height ?? 0]);
    const [stream] = output.audioStreamList;
    assert.deepEqual([stream.codec, stream.samplingRate],
                     [facts.audio.codec_name, Number(facts.audio.sample_rate)]);
  }
});

check_sdk('ConvertVodFile makes the set, HLS among it', async () => {
  const fileId = await library_file();
  const id = await submit('ConvertVodFile', { fileId, isScreenshot: 1, isWatermark: 0 });
  const { data, ...info } = await finished(id);
  assert.deepEqual([info.type, info.status, data.status, data.errCode, data.fileId],
                   ['transcode', 'FINISH', 0, 0, fileId]);
  assert.deepEqual(data.playSet.map((one) => one.definition), [0, 10, 20, 220]);
  assert.deepEqual((await call('GET', data.playSet[0].url)).body, short_clip().bytes);
  for (const one of data.playSet.slice(1, 3)) {
    const facts = await fetched(one.url, `f${one.definition}.mp4`);
    if (lacks_tools) continue;
    assert.deepEqual([facts.video.width, facts.video.height], [one.vwidth, one.vheight]);
    assert.ok(Math.abs(Number(facts.format.bit_rate) - one.vbitrate) < one.vbitrate * 0.1);
  }
  if (lacks_tools) return;
  const hls = await ffprobe(data.playSet[3].url, { count: true });
  assert.equal(hls.format.format_name, 'hls');
  assert.equal(Number(hls.video.nb_read_frames) > 40, true, hls.video.nb_read_frames);
  assert.equal((await fetched(data.coverUrl, 'cover.jpg')).video.codec_name, 'mjpeg');
});

check_sdk('ClipVideo cuts out what was asked for', async () => {
  const fileId = await library_file();
  const id = await submit('ClipVideo', { fileId, newFileName: 'part', startTimeOffset: 0.4,
                                         endTimeOffset: 1.6 });
  const { data, ...info } = await finished(id);
  assert.equal(info.type, 'clipVideo');
  assert.equal(data.srcFileId, fileId);
  const { fileUrl, fileId: made, ...rest } = data.fileInfo;
  assert.deepEqual(rest, { fileType: 'mp4', status: 0, message: '' });
  assert.notEqual(made, fileId);
  const facts = await fetched(fileUrl, 'part.mp4');
  if (lacks_tools) return;
  assert.equal(facts.video.nb_read_frames, '30');
  assert.equal(facts.video.width, short_clip().width);
  assert.ok(facts.audio);
});

check_sdk('every way in which the client signs is understood', async () => {
  await library_file();
  for (const method of ['GET', 'POST']) {
    for (const signatureMethod of ['sha1', 'sha256']) {
      const client = new Qcloud(server.url, 'AKIDexampleTelecine0001', secret,
                                { method, signatureMethod });
      const answer = await client.ask('GetTaskList', { status: 'FINISH', some_thing: '片段 +&=' });
      assert.equal(answer.code, 0, `${method} ${signatureMethod}: ${JSON.stringify(answer)}`);
    }
  }
  const strong = { status: 'FINISH', SignatureMethod: 'TC2-HmacSHA256' };
  const options = { ...vod.client.defaults, signatureMethod: 'sha256' };
  const answer = await new Promise((resolve, reject) => {
    vod.client.request({ Action: 'GetTaskList', ...strong }, options,
                       (error, document) => (error ? reject(error) : resolve(document)));
  });
  assert.equal(answer.code, 0, JSON.stringify(answer));
});

const refused = {
  authentication: { code: 4100, message: 'authentication failed', codeDesc: 'AuthFailure' },
  stranger: { code: 4104, message: 'SecretId does not exist or is disabled',
              codeDesc: 'SecretIdNotFound' },
  late: { code: 4500, message: "Timestamp is too far from the server's time",
          codeDesc: 'ReplayAttack' },
  again: { code: 4500, message: 'this request was sent before', codeDesc: 'ReplayAttack' },
  quota: { code: 4400, message: 'request quota exceeded', codeDesc: 'LimitExceeded' },
  action: { code: 6100, message: 'there is no such action', codeDesc: 'NotFound' },
  no_task: { code: 70014, message: '(70014)task does not exist', codeDesc: 70014 },
  no_file: { code: 10008, message: '(10008)file does not exist', codeDesc: 10008 },
  bad_file: { code: 10009, message: '(10009)file status exception', codeDesc: 10009 },
  procedure: { code: 50007, message: '(50007)invalid procedure', codeDesc: 50007 },
};
const invalid = (message) => ({ code: 1000, message: `(1000)${message}`, codeDesc: 1000 });
const malformed = (message) => ({ code: 4000, message, codeDesc: 'InvalidParameter' });

check_sdk('calls that are not to be believed are refused', async () => {
  const now = Math.floor(Date.now() / 1000);
  const forged = new Qcloud(server.url, 'AKIDexampleTelecine0001', 'another secret');
  const nobody = new Qcloud(server.url, 'AKIDnobody', secret);
  const elsewhere = new Qcloud(server.url, 'AKIDexampleTelecine0001', secret,
                               { path: '/v2/interface.php' });
  assert.deepEqual(await forged.info('x'), refused.authentication);
  assert.deepEqual(await nobody.info('x'), refused.stranger);
  assert.deepEqual(await elsewhere.info('x'), refused.no_task);
  for (const Timestamp of [now - 7260, now + 7260]) {
    assert.deepEqual(await vod.ask('GetTaskInfo', { vodTaskId: 'x', Timestamp }), refused.late);
  }
  for (const Timestamp of [now - 7000, now + 7000]) {
    assert.deepEqual(await vod.ask('GetTaskInfo', { vodTaskId: 'x', Timestamp }), refused.no_task);
  }
  for (const [name, value] of [['Timestamp', 'now'], ['Timestamp', '-1']]) {
    assert.deepEqual(await vod.ask('GetTaskInfo', { [name]: value }),
                     malformed('Timestamp must be a number of seconds'));
  }
  for (const name of ['Timestamp', 'Nonce', 'Action']) {
    assert.deepEqual(await vod.ask('GetTaskInfo', { [name]: '' }),
                     malformed(`the parameter ${name} is missing`));
  }
  assert.deepEqual(await vod.ask('SimpleTranscode'), refused.action);
});

check_sdk('ids that were never given out, and those of others, do not exist', async () => {
  const fileId = await library_file();
  const other = await key_for(server, 'AKIDsecond', 'stranger');
  const id = await submit('ConvertVodFile', { fileId });
  for (const wrong of ['x', `${id}0`, id.slice(0, -1), id.replace('transcode', 'Procedure'),
                       id.replace(/^\d+/, '1250000002')]) {
    assert.deepEqual(await vod.info(wrong), refused.no_task, wrong);
  }
  assert.deepEqual(await other.info(id), refused.no_task);
  const single = (one) => ({ inputType: 'SingleFile', file: { id: one },
                             procedure: 'QCVB_SimpleProcessFile({10})' });
  for (const [client, one] of [[other, fileId], [vod, '5285890799710173650'], [vod, 'x']]) {
    assert.deepEqual(await client.ask('RunProcedure', single(one)), refused.no_file);
    assert.deepEqual(await client.ask('ConvertVodFile', { fileId: one }), refused.bad_file);
    assert.deepEqual(await client.ask('ClipVideo', { fileId: one, newFileName: 'x' }),
                     refused.bad_file);
  }
  assert.equal((await finished(id)).data.status, 0);
});

check_sdk('parameters that are missing or malformed are named', async () => {
  const fileId = await library_file();
  const good = pull_of('short.avi', 'QCVB_SimpleProcessFile({10})');
  const cases = [
    ['GetTaskInfo', {}, invalid('vodTaskId is missing')],
    ['GetTaskInfo', { vodTaskId: '' }, invalid('vodTaskId is missing')],
    ['RunProcedure', { ...good, inputType: '' }, invalid('inputType is missing')],
    ['RunProcedure', { ...good, inputType: 'Stream' },
     invalid('inputType must be SingleFile or PullFile; "Stream" is not served')],
    ['RunProcedure', { ...good, procedure: '' }, invalid('procedure is missing')],
    ['RunProcedure', { ...good, pull: { fileName: 'x' } }, invalid('pull.url is missing')],
    ['RunProcedure', { ...good, pull: { url: 'http://x/' } }, invalid('pull.fileName is missing')],
    ['RunProcedure', { ...good, priority: 11 },
     invalid('priority must be a number from -10 to 10')],
    ['RunProcedure', { ...good, notifyMode: 'Often' },
     invalid('notifyMode must be Finish, Change or None')],
    ['RunProcedure', { ...good, 'pull.fileMd5': 'abc' },
     invalid('pull.fileMd5 must be 32 hex digits')],
    ['RunProcedure', { ...good, procedure: 'QCVB_Nothing' }, refused.procedure],
    ['RunProcedure', { ...good, procedure: 'QCVB_SimpleProcessFile({10' }, refused.procedure],
    ['RunProcedure', { ...good, procedure: 'QCVB_SimpleProcessFile({11})' },
     { ...refused.procedure,
       message: '(50007)the procedure names the template 11, which there is not' }],
    ['ConvertVodFile', {}, invalid('fileId is missing')],
    ['ConvertVodFile', { fileId, isScreenshot: 2 },
     invalid('isScreenshot must be a number from 0 to 1')],
    ['ClipVideo', { newFileName: 'x' }, invalid('fileId is missing')],
    ['ClipVideo', { fileId }, invalid('newFileName is missing')],
    ['ClipVideo', { fileId, newFileName: 'x', startTimeOffset: 'soon' },
     invalid('startTimeOffset must be a number of seconds')],
    ['ClipVideo', { fileId, newFileName: 'x', startTimeOffset: 1, endTimeOffset: 1 },
     invalid('endTimeOffset must be after startTimeOffset')],
  ];
  for (const [action, parameters, wanted] of cases) {
    assert.deepEqual(await vod.ask(action, parameters), wanted,
                     `${action} ${JSON.stringify(parameters)}`);
  }
});

check_sdk('call 101 of a minute is refused, and a call is good once', async () => {
  const limited = await Server.start({ flags: ['--worker-enabled', 'false',
                                               '--tencent-replay-check', 'true'] });
  try {
    const one = await key_for(limited, 'AKIDlimited');
    const two = await key_for(limited, 'AKIDunlimited');
    for (let i = 0; i < 100; i++) {
      assert.deepEqual(await one.info(`none-${i}`), refused.no_task, `call ${i + 1}`);
    }
    assert.deepEqual(await one.info('none'), refused.quota);
    assert.equal((await one.ask('GetTaskList', { status: 'WAITING' })).code, 0);
    assert.deepEqual(await two.info('none'), refused.no_task);
    const same = { status: 'WAITING', Nonce: 7, Timestamp: Math.floor(Date.now() / 1000) };
    assert.equal((await two.ask('GetTaskList', same)).code, 0);
    assert.deepEqual(await two.ask('GetTaskList', same), refused.again);
    assert.equal((await two.ask('GetTaskList', { ...same, Nonce: 8 })).code, 0);
  } finally {
    await limited.close();
  }
});

check_sdk('in development mode whatever the client signs is good', async () => {
  const open = await Server.start({ flags: ['--dev'] });
  try {
    const client = new Qcloud(open.url, 'AKIDanybody', 'anything');
    const Timestamp = 1;
    for (let i = 0; i < 101; i++) {
      assert.deepEqual(await client.ask('GetTaskInfo', { vodTaskId: 'x', Timestamp }),
                       refused.no_task, `call ${i + 1}`);
    }
    assert.deepEqual(await client.ask('GetTaskInfo', { vodTaskId: 'x', Token: 'y' }),
                     refused.no_task);
    const bare = await call('GET', `${open.url}/v2/index.php?Action=GetTaskInfo&vodTaskId=x`);
    assert.deepEqual(bare.json(), refused.no_task);
    const empty = await call('GET', `${open.url}/v2/index.php`);
    assert.deepEqual(empty.json(), malformed('the parameter Action is missing'));
    const id = await submit('RunProcedure', pull_of('short.avi', 'QCVB_SimpleProcessFile({10})'),
                            client);
    const { data } = await finished(id, client);
    assert.equal(data.errCode, 0, JSON.stringify(data));
    await fetched(data.processTaskList[1].output.url, 'f10.mp4');
  } finally {
    await open.close();
  }
});
