// The vendor's npm clients, unmodified, at work: signature 1.0 and ACS3.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { timestamp } from './support/aliyun.mjs';
import { OpenApiClient, PopClient, all_clients, lacks_sdks } from './support/aliyun_sdks.mjs';
import { call } from './support/http.mjs';
import { short_clip } from './support/media.mjs';
import { Server, Worker, create_key } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check_if, temp_folder, until } from './support/suite.mjs';

const nobody = 999_999_999_999_999;
const video_name = "测试 视频+a*b~(1)'!&=.mp4";

let server;
let worker;
let source;
let clients;

before(async () => {
  if (lacks_sdks) return;
  source = await MediaSource.start();
  const data = temp_folder('sdk-aliyun');
  const main = await create_key(data, { id: 'testid', secret: 'testsecret', account: 'main' });
  await create_key(data, { id: 'stranger', secret: 'stranger-secret', account: 'other' });
  await create_key(data, { id: 'reader', secret: 'reader-secret', account: 'main',
                           scopes: 'read' });
  server = await Server.start({
    data, flags: ['--worker-enabled=false', '--network-allow-addresses', source.address] });
  server.token = main;
  clients = all_clients(server.url, 'testid', 'testsecret');
}, { timeout: 120_000 });
after(async () => {
  await worker?.close();
  await server?.close();
  await source?.close();
});

const label = (own = {}) => ({
  ApplicationId: 'app-1', VideoName: video_name,
  VideoUrl: source.serve('/in/clip.avi?a=1&b=%20c', 'ok', short_clip().bytes), ...own });

/// One and the same call by every client.
async function each(action, own, expect, common = () => ({})) {
  for (const client of clients) expect(await client.ask(action, own, common()), client);
}
const refused = (status, code, message) => (answer, { name }) => {
  assert.deepEqual([answer.status, answer.code], [status, code], `${name}: ${answer.message}`);
  if (message) assert.match(answer.message, message, name);
};

function assert_unfinished({ status, fields }, name) {
  assert.equal(status, 200, name);
  assert.deepEqual({ ...fields.Result, VideoUrl: '' },
                   { VideoName: video_name, ApplicationId: 'app-1', VideoUrl: '' }, name);
  assert.equal(fields.Code, 'OK', name);
}

async function assert_report(url, number) {
  const file = await call('GET', url);
  assert.equal(file.status, 200);
  assert.equal(file.headers['content-type'], 'text/plain;charset=utf-8');
  const report = file.json();
  assert.equal(report.version, '1.0');
  assert.equal(report.task_number, number);
  assert.equal(report.media.video.width, short_clip().width);
  assert.equal(report.media.video.frames, short_clip().frames);
  assert.deepEqual([report.shots[0].start, report.shots.at(-1).end], [0, short_clip().seconds]);
  assert.equal(typeof report.loudness.integrated, 'number');
  const shots = report.analyses.find((run) => run.name === 'shots');
  assert.equal(shots.status, 'done');
}

check_if(lacks_sdks, 'a task is made, goes through its states and has a report', async () => {
  const stuck = source.serve('/in/late.avi', ['never', 'ok'], short_clip().bytes);
  const tasks = [];
  for (const client of clients) {
    const { status, fields } = await client.ask('CreateLabelTask', label({ VideoUrl: stuck }));
    assert.equal(status, 200, client.name);
    assert.equal(fields.Code, 'OK', client.name);
    assert.match(fields.RequestId, /^[0-9A-F-]{36}$/);
    assert.equal(typeof fields.TaskId, 'number', client.name);
    assert.ok(fields.TaskId < 1e15);
    tasks.push({ client, TaskId: fields.TaskId, seen: [] });
  }
  assert.equal(new Set(tasks.map(({ TaskId }) => TaskId)).size, clients.length);
  const look = async (task) => {
    const { fields } = await task.client.ask('GetTaskStatus', { TaskId: task.TaskId });
    assert.ok(!('Code' in fields), task.client.name);
    if (task.seen.at(-1) !== fields.Status) task.seen.push(fields.Status);
    return fields.Status;
  };
  for (const task of tasks) {
    assert.equal(await look(task), 0, task.client.name);
    assert_unfinished(await task.client.ask('GetTaskResult', { TaskId: task.TaskId }),
                      task.client.name);
  }

  worker = new Worker(server.data, ['--network-allow-addresses', source.address]);
  // Only the first download is stuck; whoever has it waits until the connection breaks.
  const waiting = await until('a stuck download', async () => {
    if (source.requests_for('/in/late.avi').length === 0) return null;
    for (const task of tasks) if ((await look(task)) === 1) return task;
    return null;
  });
  assert_unfinished(await waiting.client.ask('GetTaskResult', { TaskId: waiting.TaskId }));
  for (const socket of source.sockets) socket.destroy();

  for (const task of tasks) {
    const { name } = task.client;
    await until(`the end of ${task.TaskId}`, async () => (await look(task)) >= 2);
    assert.deepEqual(task.seen, [...task.seen].sort(), `${name}: it never goes back`);
    const { status, fields } = await task.client.ask('GetTaskResult', {
      TaskId: task.TaskId, RegionId: 'cn-beijing' });
    assert.equal(status, 200, name);
    assert.equal(fields.Status, 2, `${name}: ${JSON.stringify(fields)}`);
    const { ProcessResultUrl, AnalysisUseTime, ...rest } = fields.Result;
    assert.deepEqual(rest, { VideoName: video_name, ApplicationId: 'app-1', VideoUrl: stuck },
                     name);
    assert.ok(Number.isInteger(AnalysisUseTime) && AnalysisUseTime >= 1, name);
    await assert_report(ProcessResultUrl, task.TaskId);
  }
  assert.deepEqual(waiting.seen, [0, 1, 2]);
});

check_if(lacks_sdks, 'a task without an input fails, and says so in four fields', async () => {
  worker ??= new Worker(server.data, ['--network-allow-addresses', source.address]);
  const gone = source.serve('/in/gone.mp4', 404);
  for (const client of clients) {
    const { fields } = await client.ask('CreateLabelTask', label({ VideoUrl: gone }));
    const result = await until('the failure', async () => {
      const answer = await client.ask('GetTaskResult', { TaskId: fields.TaskId });
      return answer.fields.Status === 3 ? answer.fields : null;
    });
    const { ErrorReason, ...rest } = result.Result;
    assert.match(ErrorReason, /^input_not_found: ./);
    assert.deepEqual(rest, { VideoName: video_name, ApplicationId: 'app-1', VideoUrl: gone,
                             ErrorCode: '1000', ErrorName: 'Download fail',
                             ErrorMessage: 'Download fail' }, client.name);
    assert.equal(result.Code, 'OK', client.name);
  }
});

check_if(lacks_sdks, 'wrong signatures, keys, clocks and replays have their codes', async () => {
  for (const client of all_clients(server.url, 'testid', 'wrong')) {
    refused(400, 'SignatureDoesNotMatch',
            /server string to sign is:(POST&%2F&|GET&%2F&|ACS3-HMAC-SHA256\n[0-9a-f]{64}$)/)(
      await client.ask('GetTaskStatus', { TaskId: nobody }), client);
  }
  for (const client of all_clients(server.url, 'unheard', 'of')) {
    refused(404, 'InvalidAccessKeyId.NotFound')(
      await client.ask('GetTaskStatus', { TaskId: nobody }), client);
  }
  const gone = refused(404, 'ResourceNotFound', /Please check the parameter TaskId\.$/);
  for (const minutes of [-16, 16]) {
    await each('GetTaskStatus', { TaskId: nobody }, refused(400, 'InvalidTimeStamp.Expired'),
               () => ({ timestamp: timestamp(Date.now() + minutes * 60_000) }));
  }
  await each('GetTaskStatus', { TaskId: nobody }, gone,
             () => ({ timestamp: timestamp(Date.now() - 14 * 60_000) }));
  await each('GetTaskStatus', { TaskId: nobody }, refused(400, 'InvalidTimeStamp.Format'),
             () => ({ timestamp: '2019-09-20 06:33:37' }));
  for (const client of clients) {
    const common = { nonce: randomUUID(), timestamp: timestamp() };
    gone(await client.ask('GetTaskStatus', { TaskId: nobody }, common), client);
    refused(400, 'SignatureNonceUsed')(
      await client.ask('GetTaskStatus', { TaskId: nobody }, common), client);
  }
});

check_if(lacks_sdks, 'a replayed creation makes no second task', async () => {
  for (const client of clients) {
    const common = { nonce: randomUUID(), timestamp: timestamp() };
    const first = await client.ask('CreateLabelTask', label(), common);
    assert.equal(first.status, 200, client.name);
    refused(400, 'SignatureNonceUsed')(await client.ask('CreateLabelTask', label(), common),
                                       client);
  }
});

check_if(lacks_sdks, 'calls beyond the rate are throttled', async () => {
  for (const make of [(id, secret) => new PopClient(server.url, id, secret, 'GET'),
                      (id, secret) => new OpenApiClient(server.url, id, secret)]) {
    const { token } = await server.client.json('POST', '/api/v1/keys', { rate_per_minute: 2 });
    const client = make(...token.slice(3).split('.'));
    const codes = [];
    for (let i = 0; i < 6; i++) {
      const { status, code } = await client.ask('GetTaskStatus', { TaskId: nobody });
      codes.push(`${status} ${code}`);
    }
    assert.deepEqual(codes.slice(0, 2), Array(2).fill('404 ResourceNotFound'), client.name);
    assert.ok(codes.includes('400 Throttling.User'), codes.join());
  }
});

check_if(lacks_sdks, 'unknown and foreign tasks look the same', async () => {
  const [maker] = clients;
  const { fields } = await maker.ask('CreateLabelTask', label());
  const gone = refused(404, 'ResourceNotFound', /^The requested resource does not exist\. Please /);
  for (const client of all_clients(server.url, 'stranger', 'stranger-secret')) {
    for (const action of ['GetTaskStatus', 'GetTaskResult']) {
      for (const TaskId of [fields.TaskId, nobody, 0]) {
        gone(await client.ask(action, { TaskId }), client);
      }
    }
  }
});

check_if(lacks_sdks, 'missing and malformed parameters are named', async () => {
  for (const action of ['GetTaskStatus', 'GetTaskResult']) {
    await each(action, {}, refused(400, 'MissingParameter',
                                   /^You must specify the parameter TaskId\.$/));
    for (const TaskId of ['abc', '-1', '1.5', '0x10', ' 1', '1234567890123456']) {
      await each(action, { TaskId },
                 refused(400, 'InvalidParameter', /^The specified parameter TaskId is invalid\.$/));
    }
  }
  for (const name of ['ApplicationId', 'VideoName', 'VideoUrl']) {
    await each('CreateLabelTask', label({ [name]: '' }),
               refused(400, 'MissingParameter', new RegExp(`parameter ${name}\\.$`)));
  }
  for (const [name, value] of [['ApplicationId', '号'.repeat(65)], ['VideoName', '号'.repeat(257)],
                               ['VideoUrl', `http://h.test/${'a'.repeat(2036)}`]]) {
    await each('CreateLabelTask', label({ [name]: value }),
               refused(400, 'InvalidParameterLengthLimit',
                       new RegExp(`^The maximum length of ${name} is exceeded\\.$`)));
  }
  for (const [name, value] of [['VideoUrl', 'ftp://h.test/a.mp4'], ['VideoUrl', 'harbour'],
                               ['VideoUrl', 'http://10.0.0.1/x'], ['CallbackUrl', 'mailto:me'],
                               ['TemplateId', 'seven']]) {
    await each('CreateLabelTask', label({ [name]: value }),
               refused(400, 'InvalidParameter',
                       new RegExp(`^The specified parameter ${name} is invalid\\.$`)));
  }
  await each('CreateLabelTask', label({ TemplateId: '7' }), refused(404, 'ResourceNotFound'));
  await each('Dance', {}, refused(404, 'InvalidAction.NotFound'));
  await each('ListFaceGroups', {}, refused(406, 'ServiceNotSelected'));
  for (const client of all_clients(server.url, 'reader', 'reader-secret')) {
    refused(401, 'Unauthorized')(await client.ask('CreateLabelTask', label()), client);
  }
});

check_if(lacks_sdks, 'the newer client reads refusals in XML too', async () => {
  const client = new OpenApiClient(server.url, 'testid', 'testsecret');
  refused(404, 'ResourceNotFound', /parameter TaskId\.$/)(
    await client.ask('GetTaskStatus', { TaskId: nobody }, { format: 'XML' }), client);
});

check_if(lacks_sdks, 'in development mode any secret serves, and none', async () => {
  const open = await Server.start({ flags: ['--dev'] });
  try {
    const anonymous = new OpenApiClient(open.url, 'any', 'thing', { auth: 'Anonymous' });
    for (const client of [...all_clients(open.url, 'any', 'thing'), anonymous]) {
      const common = { nonce: 'same', timestamp: '2001-01-01T00:00:00Z' };
      const made = await client.ask('CreateLabelTask', label(), common);
      assert.equal(made.status, 200, `${client.name}: ${made.code}`);
      const { TaskId } = made.fields;
      await until(`the end of ${TaskId}`, async () =>
        (await client.ask('GetTaskStatus', { TaskId }, common)).fields.Status === 2);
    }
    const bare = await call('GET', `${open.url}/?Action=GetTaskStatus&TaskId=${nobody}`);
    assert.equal(bare.status, 404);
    assert.match(bare.text, /<Code>ResourceNotFound<\/Code>/);
    const old = await call('GET', `${open.url}/?Action=GetTaskStatus&Version=2018-01-01&TaskId=1`);
    assert.match(old.text, /<Code>InvalidVersion<\/Code>/);
  } finally {
    await open.close();
  }
});
