// Whole documents of the MultimediaAI protocol, byte for byte, as they stand in ../golden/aliyun.
// Only what differs from run to run is replaced: ids, times, addresses and signatures. With
// TELECINE_GOLDEN=write the files are written instead; read the difference before you commit it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { AliyunClient, parse_xml } from './support/aliyun.mjs';
import { short_clip } from './support/media.mjs';
import { Server, Worker, create_key, repository } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, temp_folder, until } from './support/suite.mjs';

const golden = path.join(repository, 'tests/golden/aliyun');
const nobody = '999999999999999';

let server;
let worker;
let source;
let client;
const tasks = {};

const formats = { json: { Format: 'JSON' }, xml: {} };
const ask = (action, own, common) => client.v1(action, own, { common });
const create = (VideoUrl, own = {}) => ask('CreateLabelTask', {
  ApplicationId: '1913287818704742', VideoName: '<400099> & 港口', VideoUrl, ...own,
}, formats.json).then(({ fields }) => String(fields.TaskId));
const status_of = async (TaskId) =>
  (await ask('GetTaskStatus', { TaskId }, formats.json)).fields.Status;
const allowed = () => ['--network-allow-addresses', source.address];

before(async () => {
  source = await MediaSource.start();
  const data = temp_folder('golden');
  const main = await create_key(data, { id: 'testid', secret: 'testsecret', account: 'main' });
  server = await Server.start({ data, flags: ['--worker-enabled=false', ...allowed()] });
  server.token = main;
  client = new AliyunClient(server.url, 'testid', 'testsecret');
  const good = source.serve('/in/a.avi?x=1&y=2', 'ok', short_clip().bytes);
  tasks.succeeded = await create(good);
  tasks.failed = await create(source.serve('/in/gone.mp4', 404));
  tasks.cancelled = await create(good);
  const { tasks: [last] } = await server.client.get('/api/v1/tasks?limit=1');
  await server.client.json('POST', `/api/v1/tasks/${last.id}/cancel`);
  worker = new Worker(data, allowed());
  await until('the end of both', async () =>
    await status_of(tasks.succeeded) === 2 && await status_of(tasks.failed) === 3);
  tasks.executing = await create(source.serve('/in/never.mp4', 'never'));
  await until('the download', async () => await status_of(tasks.executing) === 1);
  await worker.kill();
  await worker.close();
  tasks.queued = await create(good);
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await source?.close();
});

/// The text with a name for everything that is of this run alone.
function steady(text, TaskId = '') {
  const { host } = new URL(server.url);
  let out = text;
  for (const [from, to] of [
    [/[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/g, '{request id}'],
    [/Expires=\d{10}(&amp;|&)Signature=[\w-]+/g, 'Expires={time}$1Signature={signature}'],
    [/(AnalysisUseTime"?[>:])[1-9]\d*/g, '$1{seconds}'],
    [/"TaskId":\d+/g, '"TaskId":{task id}'], [/<TaskId>\d+</g, '<TaskId>{task id}<'],
    [/SignatureNonce%3D[0-9a-f-]{36}/g, 'SignatureNonce%3D{nonce}'],
    [/Timestamp%3D20\d\d-\d\d-\d\dT\d\d%253A\d\d%253A\d\dZ/g, 'Timestamp%3D{time}'],
  ]) out = out.replace(from, to);
  out = out.replaceAll(`processResult/${TaskId}.txt`, 'processResult/{task id}.txt');
  return out.replaceAll(host, '{server}').replaceAll(source.address, '{source}');
}

function assert_golden(name, format, answer, TaskId) {
  const file = path.join(golden, `${name}.${format}`);
  const text = steady(answer.text, TaskId);
  if (process.env.TELECINE_GOLDEN === 'write') fs.writeFileSync(file, text);
  assert.equal(text, fs.readFileSync(file, 'utf8'), file);
}

check('answers in every state', async () => {
  for (const [format, common] of Object.entries(formats)) {
    for (const [state, TaskId] of Object.entries(tasks)) {
      for (const action of ['GetTaskResult', 'GetTaskStatus']) {
        const answer = await ask(action, { TaskId }, common);
        assert.equal(answer.status, 200);
        assert_golden(`${action}-${state}`, format, answer, TaskId);
      }
    }
  }
});

check('the answer to a creation', async () => {
  for (const [format, common] of Object.entries(formats)) {
    const own = { ApplicationId: 'a', VideoName: 'b', VideoUrl: `http://${source.address}/c` };
    assert_golden('CreateLabelTask', format, await ask('CreateLabelTask', own, common));
  }
});

check('refusals', async () => {
  for (const [format, common] of Object.entries(formats)) {
    const refusal = async (name, action, own, more = {}) =>
      assert_golden(name, format, await ask(action, own, { ...common, ...more }));
    await refusal('ResourceNotFound', 'GetTaskResult', { TaskId: nobody });
    await refusal('MissingParameter', 'GetTaskResult', {});
    await refusal('InvalidParameter', 'GetTaskResult', { TaskId: '<&>' });
    await refusal('SignatureDoesNotMatch', 'GetTaskResult', { TaskId: nobody },
                  { Signature: 'AAAA' });
    await refusal('InvalidAction', 'GetResult', {});
    await refusal('ServiceNotSelected', 'ListFaceGroups', {});
  }
});

/// Names in their order, and the kinds of values.
function shape(value) {
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.entries(value).map(([name, inner]) => [name, shape(inner)]);
}
/// Ours without what later editions of the page added.
function first_edition(fields) {
  const { VideoUrl, AnalysisUseTime, ...result } = fields.Result;
  assert.ok(VideoUrl && AnalysisUseTime);
  return { ...fields, Result: result };
}

check('the documentation\'s own examples have the same shape', async () => {
  const { fields } = await ask('GetTaskResult', { TaskId: tasks.succeeded }, formats.json);
  assert.deepEqual(shape(first_edition(fields)), shape({
    Status: 2,
    Result: { ProcessResultUrl: 'http://…', VideoName: '400099', ApplicationId: '1' },
    RequestId: '75d919f1-feb6-40a4-9676-5ea4ebd3a010',
    Code: 'OK',
  }));
  assert.match(fields.Result.ProcessResultUrl,
               /^http:\/\/[^/]+\/processResult\/\w+\.txt\?Expires=\d+&Signature=[\w-]+$/);
});

check('the oldest edition\'s XML is a setting', async () => {
  await server.terminate();
  server.flags.push('--aliyun-xml-result-url', 'nested');
  await server.launch();
  const answer = await ask('GetTaskResult', { TaskId: tasks.succeeded }, formats.xml);
  assert_golden('GetTaskResult-nested', 'xml', answer, tasks.succeeded);
  const { name, content } = parse_xml(answer.text);
  assert.equal(name, 'GetTaskResultResponse');
  assert.deepEqual(shape(first_edition(content)), shape({
    Result: { ProcessResultUrl: { ProcessResultUrl: 'http://…' }, VideoName: '400099',
              ApplicationId: '1913287818704742' },
    Status: '2',
    RequestId: 'fa1976da-e6c6-472c-bdc8-09d42eb11884',
  }));
  const { fields } = await ask('GetTaskResult', { TaskId: tasks.succeeded }, formats.json);
  assert.equal(typeof fields.Result.ProcessResultUrl, 'string', 'JSON never was nested');
});
