// The MultimediaAI protocol as its clients speak it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { AliyunClient, checked, timestamp } from './support/aliyun.mjs';
import { call } from './support/http.mjs';
import { short_clip } from './support/media.mjs';
import { Receiver, is_signed } from './support/receiver.mjs';
import { Server, create_key } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { check, temp_folder, until } from './support/suite.mjs';

let server;
let source;
let receiver;
let client;
let reader;
let stranger;
let video;

before(async () => {
  source = await MediaSource.start();
  receiver = await Receiver.start();
  video = source.serve('/in/clip.avi?a=1&b=%20c', 'ok', short_clip().bytes);
  const data = temp_folder('aliyun');
  const main = await create_key(data, { id: 'testid', secret: 'testsecret', account: 'main' });
  await create_key(data, { id: 'reader', secret: 'reader-secret', account: 'main',
                           scopes: 'read' });
  await create_key(data, { id: 'stranger', secret: 'stranger-secret', account: 'other' });
  server = await Server.start({
    data, flags: ['--network-allow-addresses', `${source.address},${receiver.address}`] });
  server.token = main;
  client = new AliyunClient(server.url, 'testid', 'testsecret');
  reader = new AliyunClient(server.url, 'reader', 'reader-secret');
  stranger = new AliyunClient(server.url, 'stranger', 'stranger-secret');
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  await Promise.all([source, receiver].map((r) => r?.close()));
});

const label = (own = {}) => ({ ApplicationId: 'app-1', VideoName: "测试 视频+a*b~(1)'!&=.mp4",
                               VideoUrl: video, ...own });
const json = { common: { Format: 'JSON' } };
const ended = (TaskId) => until(`the end of ${TaskId}`, async () => {
  const { fields } = await client.v1('GetTaskStatus', { TaskId }, json);
  return fields.Status >= 2;
});

function refused(answer, status, code, message) {
  assert.equal(answer.fields.Code, code, answer.text);
  assert.equal(answer.status, status);
  if (message !== undefined) assert.equal(answer.fields.Message, message);
}

check('a task is made by POST, followed and read in both formats', async () => {
  const made = await client.v1('CreateLabelTask', label(), {
    ...json, method: 'POST', in_query: (name) => name.startsWith('S') || name === 'Action' });
  assert.equal(made.status, 200, made.text);
  const { TaskId } = made.fields;
  assert.equal(typeof TaskId, 'number');
  assert.ok(String(TaskId).length <= 15);
  assert.equal(made.fields.Code, 'OK');
  await ended(TaskId);

  const result = (await client.v1('GetTaskResult', { TaskId, RegionId: 'cn-beijing' }, json));
  assert.deepEqual(Object.keys(result.fields), ['Status', 'Result', 'RequestId', 'Code']);
  const { Result, Status } = result.fields;
  assert.equal(Status, 2);
  assert.equal(Result.VideoName, label().VideoName);
  assert.equal(Result.VideoUrl, video);
  assert.equal(Result.ApplicationId, 'app-1');
  assert.ok(Number.isInteger(Result.AnalysisUseTime) && Result.AnalysisUseTime >= 1);

  const xml = await client.v1('GetTaskResult', { TaskId });
  assert.deepEqual(Object.keys(xml.fields), ['Result', 'Status', 'RequestId']);
  assert.equal(xml.fields.Status, '2');
  assert.equal(xml.fields.Result.VideoName, label().VideoName);
  assert.match(xml.text, /<ProcessResultUrl>http:[^<]+&amp;Signature=/);

  for (const link of [Result.ProcessResultUrl, xml.fields.Result.ProcessResultUrl]) {
    assert.match(link, new RegExp(`^${server.url}/processResult/${TaskId}\\.txt\\?Expires=\\d+&Sig`));
    const file = await call('GET', link);
    assert.equal(file.status, 200);
    assert.equal(file.headers['content-type'], 'text/plain;charset=utf-8');
    assert.equal(file.json().task_number, TaskId);
    const part = await call('GET', link, { headers: { Range: 'bytes=0-9' } });
    assert.equal(part.status, 206);
    assert.equal((await call('HEAD', link)).status, 200);
    assert.equal((await call('GET', link.replace(/Expires=\d/, 'Expires=9'))).status, 403);
    assert.equal((await call('GET', link.replace(/Signature=./, 'Signature=_'))).status, 403);
  }
});

check('the third signature serves queries, forms and JSON', async () => {
  const made = await client.v3('CreateLabelTask', {}, { form: label() });
  assert.equal(made.status, 200, made.text);
  const TaskId = String(made.fields.TaskId);
  for (const answer of [await client.v3('GetTaskStatus', { TaskId }),
                        await client.v3('GetTaskStatus', {}, { form: { TaskId } }),
                        await client.v3('GetTaskStatus', {}, { json: { TaskId: Number(TaskId) } }),
                        await client.v3('GetTaskStatus', { TaskId, Format: 'XML' }),
                        await client.v3('GetTaskStatus', { TaskId }, {
                          headers: { 'x-acs-credentials-provider': 'static_ak' } })]) {
    assert.equal(answer.status, 200, answer.text);
    assert.ok('Status' in answer.fields);
    assert.ok(!('Code' in answer.fields));
  }
  refused(await client.v3('GetTaskStatus', { TaskId }, { unsigned: { 'x-acs-extra': '1' } }), 400,
          'SignatureDoesNotMatch');
});

check('calls of the newer clients without a key, or with another kind, are told so', async () => {
  const headers = { 'x-acs-action': 'GetTaskStatus', 'x-acs-version': '2019-08-10',
                    'x-acs-date': timestamp(), 'x-acs-signature-nonce': randomUUID(),
                    'x-acs-content-sha256': 'e3b0' };
  const { host } = new URL(server.url);
  const ask = async (more) => checked(
    await call('POST', `${server.url}/`, { headers: { ...headers, ...more } }), 'JSON', host);
  refused(await ask({}), 400, 'MissingAccessKeyId');
  refused(await ask({ 'x-acs-bearer-token': 'x' }), 400, 'InvalidSignatureMethod');
  refused(await ask({ Authorization: 'ACS3-HMAC-SM3 Credential=x' }), 400,
          'InvalidSignatureMethod');
  refused(await ask({ Authorization: 'ACS3-HMAC-SHA256 Credential=testid' }), 400,
          'IncompleteSignature');
});

check('a disabled key is told so, and nothing else', async () => {
  const { id, token } = await server.client.json('POST', '/api/v1/keys', {});
  const lost = new AliyunClient(server.url, id, token.split('.')[1]);
  refused(await lost.v1('GetTaskStatus', { TaskId: '999999999999999' }), 404, 'ResourceNotFound');
  await server.client.json('POST', `/api/v1/keys/${id}/disable`);
  await until('the key to be out of use', async () => (await lost.v1(
    'GetTaskStatus', { TaskId: '999999999999999' })).fields.Code === 'InvalidAccessKeyId.Inactive');
});

check('wrong calls are refused with their codes, in the format they ask for', async () => {
  const with_common = (common) => client.v1('GetTaskStatus', { TaskId: '1' }, { common });
  refused(await with_common({ Signature: 'AAAA' }), 400, 'SignatureDoesNotMatch');
  const wrong = await with_common({ Signature: 'AAAA', Format: 'json' });
  const signed = client.signed_v1('GET', 'GetTaskStatus', { TaskId: '1' });
  assert.match(wrong.fields.Message, /server string to sign is:GET&%2F&AccessKeyId%3Dtestid%26Act/);
  assert.ok(signed.Signature);
  refused(await with_common({ AccessKeyId: 'nobody' }), 404, 'InvalidAccessKeyId.NotFound');
  refused(await with_common({ SignatureMethod: 'HMAC-SHA256' }), 400, 'InvalidSignatureMethod');
  refused(await with_common({ SecurityToken: 'x' }), 400, 'InvalidSecurityToken.Malformed');
  refused(await with_common({ Timestamp: '2019-09-20' }), 400, 'InvalidTimeStamp.Format');
  for (const minutes of [-16, 16]) {
    refused(await with_common({ Timestamp: timestamp(Date.now() + minutes * 60_000) }), 400,
            'InvalidTimeStamp.Expired');
  }
  refused(await with_common({ Version: '2018-01-01' }), 400, 'InvalidVersion');
  refused(await with_common({ SignatureNonce: undefined }), 400, 'MissingSignatureNonce',
          'SignatureNonce is mandatory for this action.');
  refused(await client.v1('Dance', {}), 404, 'InvalidAction.NotFound');
  refused(await client.v1('ListFaceGroups', {}), 406, 'ServiceNotSelected');
  refused(await client.v1('GetTaskStatus', {}), 400, 'MissingParameter',
          'You must specify the parameter TaskId.');
  for (const TaskId of ['abc', '-1', '1234567890123456']) {
    refused(await client.v1('GetTaskResult', { TaskId }, json), 400, 'InvalidParameter',
            'The specified parameter TaskId is invalid.');
  }
  refused(await client.v1('GetTaskResult', { TaskId: '999999999999999' }), 404,
          'ResourceNotFound');
  refused(await reader.v1('CreateLabelTask', label()), 401, 'Unauthorized');
  refused(await client.v1('CreateLabelTask', label({ VideoUrl: 'http://10.0.0.1/x' }), json), 400,
          'InvalidParameter', 'The specified parameter VideoUrl is invalid.');
  refused(await client.v1('CreateLabelTask', label({ ApplicationId: 'a'.repeat(65) })), 400,
          'InvalidParameterLengthLimit');
  refused(await client.v1('CreateLabelTask', label({ VideoName: '' })), 400, 'MissingParameter');
  refused(await client.v1('CreateLabelTask', label({ TemplateId: '7' })), 404,
          'ResourceNotFound');
});

check('a bare or broken request is answered in XML', async () => {
  const { host } = new URL(server.url);
  refused(checked(await call('GET', `${server.url}/`), 'XML', host), 404, 'InvalidAction.NotFound');
  refused(checked(await call('GET', `${server.url}/?Action=%zz`), 'XML', host), 400,
          'RequestParameterMalformed');
  refused(checked(await call('GET', `${server.url}/?Action=A&Action=B`), 'XML', host), 400,
          'InvalidParameter');
  refused(checked(await call('PUT', `${server.url}/?Action=GetTaskStatus`), 'XML', host), 400,
          'UnsupportedHTTPMethod');
  const preflight = await call('OPTIONS', `${server.url}/`);
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers['access-control-max-age'], '172800');
  assert.match(preflight.headers['access-control-allow-headers'], /x-acs-signature-nonce/);
});

check('of equal requests exactly one passes', async () => {
  const common = { SignatureNonce: randomUUID(), Timestamp: timestamp() };
  const answers = await Promise.all(Array.from({ length: 6 }, () =>
    client.v1('GetTaskStatus', { TaskId: '999999999999999' }, { common })));
  const codes = answers.map((answer) => answer.fields.Code).sort();
  assert.equal(codes.filter((code) => code === 'ResourceNotFound').length, 1, codes.join());
  assert.equal(codes.filter((code) => code === 'SignatureNonceUsed').length, 5, codes.join());
});

check('a replayed creation makes no second task, not even after a restart', async () => {
  const common = { SignatureNonce: randomUUID(), Timestamp: timestamp(), Format: 'JSON' };
  assert.equal((await client.v1('CreateLabelTask', label(), { common })).status, 200);
  await server.restart();
  refused(await client.v1('CreateLabelTask', label(), { common }), 400, 'SignatureNonceUsed');
  const first = await client.v1('CreateLabelTask', label({ ClientToken: 'once' }), json);
  const second = await client.v1('CreateLabelTask', label({ ClientToken: 'once' }), json);
  assert.equal(second.fields.TaskId, first.fields.TaskId);
});

check("another account's task is not there", async () => {
  const { fields } = await client.v1('CreateLabelTask', label(), json);
  refused(await stranger.v1('GetTaskResult', { TaskId: fields.TaskId }, json), 404,
          'ResourceNotFound');
});

check('a task made by the native API is known by its number', async () => {
  const { id } = await server.client.submit({ kind: 'analyse', input: video });
  await server.client.succeeded(id);
  const { fields } = await client.v1('GetTaskResult', { TaskId: parseInt(id.slice(0, 16), 16) },
                                     json);
  assert.equal(fields.Status, 2);
  assert.equal(fields.Result.VideoName, 'clip.avi');
});

check('a failed task says why, and its callback too', async () => {
  const gone = source.serve('/in/gone.mp4', 404);
  const { fields } = await client.v1('CreateLabelTask',
                                     label({ VideoUrl: gone, CallbackUrl: receiver.url }), json);
  await ended(fields.TaskId);
  const { fields: answer } = await client.v1('GetTaskResult', { TaskId: fields.TaskId }, json);
  assert.equal(answer.Status, 3);
  assert.equal(answer.Result.ErrorCode, '1000');
  assert.equal(answer.Result.ErrorName, 'Download fail');
  assert.match(answer.Result.ErrorReason, /^input_not_found: ./);
  assert.ok(!('ProcessResultUrl' in answer.Result) && !('AnalysisUseTime' in answer.Result));
  const packet = await receiver.request(0);
  const body = JSON.parse(packet.body);
  assert.equal(body.TaskId, fields.TaskId);
  assert.deepEqual(body.Result, answer.Result);
  assert.equal(body.Status, 3);
  const { secret } = await server.client.get('/api/v1/webhook-secret');
  assert.ok(is_signed(packet, secret));
});
