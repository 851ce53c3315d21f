// The platform's own npm client, as it is published, pointed at this server; what it downloads is
// read with exceljs and compared with the records that went in, cell by cell.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before } from 'node:test';
import { call } from './support/http.mjs';
import { first_start, headings, lines_of, make_records, meeting_rows, participant_rows,
         quality_rows, reservation_rows } from './support/meetings.mjs';
import { Server, Worker } from './support/server.mjs';
import { check_if, temp_folder, until } from './support/suite.mjs';

const load = (name) => {
  try {
    return createRequire(import.meta.url)(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return null;
  }
};
const lark = load('@larksuiteoapi/node-sdk');
const excel = load('exceljs');
const lacking = lark && excel ? null : 'its npm packages are not installed (see README.md)';
const check = (name, body) => check_if(lacking, name, body);

const apps = {
  main: { appId: 'cli_9c1d7e20b4a65f38', appSecret: 'secret-of-the-app' },
  second: { appId: 'cli_00000000000000aa', appSecret: 'secret-of-another' },
  foreign: { appId: 'cli_00000000000000bb', appSecret: 'secret-elsewhere', account: 'elsewhere' },
  busy: { appId: 'cli_00000000000000cc', appSecret: 'secret-of-a-busy-one' },
  lame: { appId: 'cli_00000000000000dd', appSecret: 'secret-without-scope',
          scopes: ['vc:room:readonly'] },
  idless: { appId: 'cli_00000000000000ee', appSecret: 'secret-without-ids', scopes: ['vc:export'] },
};
const app_table = ({ appId, appSecret, account, scopes }) => `
[[feishu.app]]
id = "${appId}"
secret = "${appSecret}"
${account ? `account = "${account}"` : ''}
${scopes ? `scopes = ${JSON.stringify(scopes)}` : ''}`;
const user_table = (token, more = '') => `
[[feishu.user_token]]
token = "${token}"
app = "${apps.main.appId}"
user = "u1000"
${more}`;
const config = `[meetings]
[[meetings.ingest_key]]
key = "ingest-key-0001"
${Object.values(apps).map(app_table).join('')}
${user_table('u-person')}
${user_table('u-expired', 'expires = 1700000000')}
${user_table('u-lame', 'scopes = ["vc:room:readonly"]')}`;

const records = make_records();
let server;
let worker;
let clients;

const silent = Object.fromEntries(
  ['error', 'warn', 'info', 'debug', 'trace'].map((level) => [level, () => {}]));
/// The client as any application makes it, but for the domain.
const client_of = ({ appId, appSecret }, more = {}) =>
  new lark.Client({ appId, appSecret, domain: server.url, cache: new lark.DefaultCache(),
                    logger: silent, ...more });

before(async () => {
  if (lacking) return;
  const file = path.join(temp_folder('config'), 'telecine.toml');
  fs.writeFileSync(file, config);
  server = await Server.start({ flags: ['--config', file, '--worker-enabled', 'false'] });
  clients = Object.fromEntries(Object.entries(apps).map(([name, app]) => [name, client_of(app)]));
  const sent = await call('POST', `${server.url}/api/v1/meetings/ingest`, {
    headers: { Authorization: 'Bearer ingest-key-0001', 'Content-Type': 'application/x-ndjson' },
    body: lines_of(records),
  });
  assert.equal(sent.status, 200, sent.text);
  assert.deepEqual(sent.json().errors, []);
}, { timeout: 120_000 });
after(async () => {
  await worker?.close();
  await server?.close();
});

const exports_of = (client) => client.vc.v1.export;
const state_of = async (id, client = clients.main) =>
  (await exports_of(client).get({ path: { task_id: id } })).data;

async function create(method, data, { client = clients.main, params } = {}) {
  const answer = await exports_of(client)[method]({ data, params });
  assert.equal(answer.code, 0);
  assert.equal(answer.msg, 'success');
  assert.match(answer.data.task_id, /^[1-9]\d{0,18}$/);
  return answer.data.task_id;
}

const finished = (id, client) =>
  until(`the end of export ${id}`, async () => {
    const data = await state_of(id, client);
    return data.status === 1 ? null : data;
  }, { every: 700 });

/// The rows of every sheet as exceljs reads them; every cell is text or absent.
async function rows_in(file) {
  const book = new excel.Workbook();
  await book.xlsx.readFile(file);
  assert.deepEqual(book.worksheets.map((sheet) => sheet.name), ['Sheet1']);
  const [sheet] = book.worksheets;
  const width = sheet.getRow(1).cellCount;
  // Outside of shared strings exceljs leaves escapes of the format as they stand.
  const plain = (text) =>
    text.replace(/_x([0-9A-F]{4})_/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
  const rows = [];
  sheet.eachRow({ includeEmpty: true }, (row) => {
    rows.push(Array.from({ length: width }, (_, i) => {
      const { type, value } = row.getCell(i + 1);
      if (type === excel.ValueType.Null) return '';
      if (typeof value === 'object') return value.richText.map(({ text }) => text).join('');
      assert.equal(typeof value, 'string', `row ${row.number}, column ${i + 1}`);
      return plain(value);
    }));
  });
  return rows;
}

async function exported(method, report, data, options = {}) {
  worker ??= new Worker(server.data);
  const client = options.client ?? clients.main;
  const id = await create(method, data, options);
  const ended = await finished(id, client);
  assert.equal(ended.status, 3, JSON.stringify(ended));
  const file = path.join(temp_folder('export'), 'out.xlsx');
  const got = await exports_of(client).download({ params: { file_token: ended.file_token } });
  assert.equal(got.headers['content-disposition'], `attachment; filename="${report}_${id}.xlsx"`);
  await got.writeFile(file);
  const [heading, ...rows] = await rows_in(file);
  assert.deepEqual(heading, headings[report]);
  return rows;
}

const day = { start_time: String(first_start), end_time: String(first_start + 86_400) };

// --- before there is a worker ---

check('an export is processed until it is done or cancelled', async () => {
  assert.equal(worker, undefined, 'nobody works yet');
  const kept = await create('meetingList', day);
  const dropped = await create('meetingList', day);
  assert.deepEqual(await state_of(kept), { status: 1 });
  await server.client.json('POST', `/api/v1/tasks/${await native_id(dropped)}/cancel`);
  assert.deepEqual(await state_of(dropped), { status: 2, fail_msg: 'task cancelled' });
  worker = new Worker(server.data);
  const done = await finished(kept);
  assert.deepEqual(Object.keys(done), ['status', 'url', 'file_token']);
  assert.equal(done.status, 3);
  assert.equal(done.url, `${server.url}/open-apis/vc/v1/exports/download?file_token=` +
               done.file_token);
});

/// A task's id in the native API, by the number that this dialect shows.
async function native_id(number) {
  const { tasks } = await server.client.get('/api/v1/tasks?limit=100');
  return tasks.find((task) => Number.parseInt(task.id.slice(0, 16), 16) === Number(number)).id;
}

// --- the four exports ---

check('meetings come out as they went in', async () => {
  const list = (more = {}, options = {}) =>
    exported('meetingList', 'meeting_list', { ...day, ...more }, options);
  assert.deepEqual(await list(), meeting_rows(records));
  assert.deepEqual(await list({ meeting_no: '402917360' }),
                   meeting_rows(records, (one) => one.meeting_no === '402917360'));
  assert.deepEqual(await list({ meeting_type: 3 }),
                   meeting_rows(records, (one) => one.type === 'screencast'));
  const took_part = (key, value) => (meeting) =>
    records.sessions.some((one) => one.instance_id === meeting.instance_id && one[key] === value);
  assert.deepEqual(await list({ user_id: 'u1003' }, { params: { user_id_type: 'user_id' } }),
                   meeting_rows(records, took_part('user', 'u1003')));
  assert.deepEqual(await list({ room_id: 'omm_fuji', meeting_type: 2 }),
                   meeting_rows(records, (one) => one.type === 'video' &&
                                                  took_part('room_id', 'omm_fuji')(one)));
  assert.deepEqual(await list({ meeting_status: 1 }), []);
  const part = { start_time: String(first_start + 420), end_time: String(first_start + 840) };
  assert.deepEqual(await list(part), meeting_rows(records, (one) =>
    one.start_time >= first_start + 420 && one.start_time <= first_start + 840));
  assert.deepEqual(await list({}, { client: clients.foreign }), [], 'of another account');
});

const named = (meeting) => ({ meeting_no: meeting.meeting_no,
                              meeting_start_time: String(meeting.start_time),
                              meeting_end_time: String(meeting.end_time) });

check('participants come out merged, one row each', async () => {
  for (const meeting of records.meetings.slice(10, 15)) {
    assert.deepEqual(await exported('participantList', 'participant_list', named(meeting)),
                     participant_rows(records, meeting));
  }
  const meeting = records.meetings[14];
  const { user } = records.sessions.find((one) => one.instance_id === meeting.instance_id);
  assert.deepEqual(
    await exported('participantList', 'participant_list', { ...named(meeting), user_id: user },
                   { params: { user_id_type: 'user_id' } }),
    participant_rows(records, meeting, (one) => one.user === user));
  const room = records.sessions.find((one) => one.instance_id === meeting.instance_id &&
                                              one.room_id).room_id;
  assert.deepEqual(
    await exported('participantList', 'participant_list', { ...named(meeting), room_id: room }),
    participant_rows(records, meeting, (one) => one.room_id === room));
});

check('quality comes out minute by minute', async () => {
  const meeting = records.meetings[14];
  const first = records.sessions.find((one) => one.instance_id === meeting.instance_id);
  const rows = await exported('participantQualityList', 'participant_quality_list',
    { ...named(meeting), user_id: first.user, join_time: String(first.join_time) },
    { params: { user_id_type: 'user_id' } });
  assert.equal(rows.length, 3);
  assert.deepEqual(rows, quality_rows(records, meeting, first.user));
});

check('bookings come out by level and room', async () => {
  const list = (more) => exported('resourceReservationList', 'resource_reservation_list',
                                  { ...day, room_level_id: 'omb_house', ...more });
  const in_house = (_, room) => room.room_id !== 'omm_rigi';
  assert.deepEqual(await list({ need_topic: true }),
                   reservation_rows(records, { topics: true, is_wanted: in_house }));
  assert.deepEqual(await list({ room_ids: ['omm_etna'] }),
                   reservation_rows(records, { is_wanted: (one) => one.room_id === 'omm_etna' }));
  assert.deepEqual(await list({ room_ids: ['omm_etna'], is_exclude: true }),
                   reservation_rows(records, { is_wanted: (one) => one.room_id === 'omm_fuji' }));
  assert.deepEqual(await list({ room_level_id: '0', need_topic: true }),
                   reservation_rows(records, { topics: true }));
});

/// An id that no task has yet.
const nowhere = '999999999999999';

// --- refusals, as the client shows them ---

/// What the call answered, as the client's error carries it.
async function refusal(promise) {
  const error = await promise.then(() => assert.fail('it was not refused'), (e) => e);
  assert.ok(error.response, error.stack);
  const { status, headers } = error.response;
  let { data } = error.response;
  if (data.pipe) {
    const chunks = [];
    for await (const chunk of data) chunks.push(chunk);
    data = JSON.parse(Buffer.concat(chunks).toString());
  }
  assert.match(headers['x-tt-logid'], /^\d{14}[0-9A-F]{20}$/);
  assert.equal(data.error.log_id, headers['x-tt-logid']);
  assert.match(headers['content-type'], /^application\/json/);
  assert.ok(!('data' in data));
  return { status, headers, ...data };
}

async function assert_refused(promise, status, code, msg) {
  const answer = await refusal(promise);
  assert.deepEqual([answer.status, answer.code, answer.msg], [status, code, msg]);
  return answer;
}

check('a wrong secret and an unknown app get no token', async () => {
  const ask = (app) => exports_of(client_of(app)).get({ path: { task_id: nowhere } });
  await assert.rejects(ask({ ...apps.main, appSecret: 'wrong' }),
                       { message: /code: 10014, msg: app secret invalid/ });
  await assert.rejects(ask({ ...apps.main, appId: 'cli_ffffffffffffffff' }),
                       { message: /code: 10014, msg: app id not exists/ });
  await assert.rejects(ask({ ...apps.main, appId: 'nobody' }),
                       { message: /code: 10003, msg: invalid param/ });
});

const bad_token =
  'Invalid access token for authorization. Please make a request with token attached.';

check('tokens of every kind are refused in their own way', async () => {
  const bare = client_of(apps.main, { disableTokenCache: true });
  const ask = (option) => exports_of(bare).get({ path: { task_id: nowhere } }, option);
  const with_token = (token) => ask(lark.withTenantToken(token));
  const with_user = (token) => ask(lark.withUserAccessToken(token));
  await assert_refused(ask(), 400, 99991661,
    'Missing access token for authorization. Please make a request with token attached.');
  await assert_refused(with_token('t-unknown'), 400, 99991663, bad_token);
  const good = (await clients.main.auth.v3.tenantAccessToken.internal({
    data: { app_id: apps.main.appId, app_secret: apps.main.appSecret } })).tenant_access_token;
  await assert_refused(with_token(good), 404, 121004, 'data not exist');
  const altered = good.slice(0, -1) + (good.endsWith('A') ? 'B' : 'A');
  await assert_refused(with_token(altered), 400, 99991663, bad_token);
  await assert_refused(with_user('u-unknown'), 400, 99991668, bad_token);
  await assert_refused(with_user('eyJunknown'), 400, 99991668, bad_token);
  await assert_refused(with_user('u-expired'), 400, 99991677, 'token expire');
  await assert_refused(with_token('a-unknown'), 400, 99991664, 'invalid app token');
  await assert_refused(with_token('x-unknown'), 400, 99991671,
                       'Invalid token: must start with t-/u-');
});

check('a missing scope is named', async () => {
  const denied = 'Access denied. One of the following scopes is required: ';
  const app = await assert_refused(exports_of(clients.lame).get({ path: { task_id: nowhere } }), 400,
                                   99991672, `${denied}[vc:export]`);
  assert.deepEqual(app.error.permission_violations,
                   [{ type: 'action_scope_required', subject: 'vc:export' }]);
  const ids = await assert_refused(
    exports_of(clients.idless).meetingList({ data: day, params: { user_id_type: 'user_id' } }),
    400, 99991672, `${denied}[contact:user.employee_id:readonly]`);
  assert.deepEqual(ids.error.permission_violations,
                   [{ type: 'field_scope_required',
                      subject: 'contact:user.employee_id:readonly' }]);
  const person = await refusal(exports_of(clients.main).get(
    { path: { task_id: nowhere } }, lark.withUserAccessToken('u-lame')));
  assert.deepEqual([person.status, person.code], [400, 99991679]);
  assert.deepEqual(person.error.permission_violations,
                   [{ type: 'action_privilege_required', subject: 'vc:export' }]);
});

check('unknown ids and those of others are told apart', async () => {
  const id = await create('meetingList', day);
  const { file_token } = await finished(id);
  for (const other of [clients.second, clients.foreign]) {
    await assert_refused(exports_of(other).get({ path: { task_id: id } }), 403, 121005,
                         'no permission');
    await assert_refused(exports_of(other).download({ params: { file_token } }), 403, 121005,
                         'no permission');
  }
  await assert_refused(exports_of(clients.main).get({ path: { task_id: id } },
                                                    lark.withUserAccessToken('u-person')),
                       403, 121005, 'no permission');
  for (const unknown of ['7108646852144136212', '99999999999999999999', '0']) {
    await assert_refused(exports_of(clients.main).get({ path: { task_id: unknown } }), 404, 121004,
                         'data not exist');
  }
  for (const malformed of ['abc', '-1', '1.5', '999999999999999999999']) {
    await assert_refused(exports_of(clients.main).get({ path: { task_id: malformed } }), 400,
                         121003, 'param error');
  }
  await assert_refused(exports_of(clients.main).download({ params: { file_token: 'nonsense' } }),
                       404, 121004, 'data not exist');
  await assert_refused(exports_of(clients.main).download({ params: {} }), 400, 121003,
                       'param error');
});

check('missing and malformed parameters are named', async () => {
  const fault = async (method, data, params) => {
    const answer = await assert_refused(exports_of(clients.second)[method]({ data, params }), 400,
                                        121003, 'param error');
    assert.equal(answer.error.field_violations.length, 1);
    return answer.error.field_violations[0].field;
  };
  assert.equal(await fault('meetingList', { end_time: '2' }), 'start_time');
  assert.equal(await fault('meetingList', { start_time: '1' }), 'end_time');
  assert.equal(await fault('meetingList', { start_time: '1', end_time: '' }), 'end_time');
  assert.equal(await fault('meetingList', { start_time: '2', end_time: '1' }), 'end_time');
  assert.equal(await fault('meetingList', { ...day, start_time: '1773036000000' }), 'start_time');
  assert.equal(await fault('meetingList', { ...day, meeting_status: 4 }), 'meeting_status');
  assert.equal(await fault('meetingList', { ...day, meeting_type: '1' }), 'meeting_type');
  assert.equal(await fault('meetingList', { ...day, meeting_no: '12' }), 'meeting_no');
  assert.equal(await fault('meetingList', { ...day, user_id: 'a', room_id: 'b' }), 'meeting_no');
  assert.equal(await fault('meetingList', day, { user_id_type: 'x' }), 'user_id_type');
  const meeting = named(records.meetings[14]);
  for (const name of Object.keys(meeting)) {
    assert.equal(await fault('participantList', { ...meeting, [name]: undefined }), name);
  }
  assert.equal(await fault('participantList', { ...meeting, user_id: 'a', room_id: 'b' }),
               'user_id');
  assert.equal(await fault('participantQualityList', { ...meeting, user_id: 'a' }), 'join_time');
  assert.equal(await fault('participantQualityList', { ...meeting, join_time: '1' }), 'user_id');
  assert.equal(await fault('resourceReservationList', day), 'room_level_id');
  assert.equal(await fault('resourceReservationList', { ...day, room_level_id: 'omb_1',
                                                        need_topic: 1 }), 'need_topic');
  assert.equal(await fault('resourceReservationList', { ...day, room_level_id: 'omb_1',
                                                        room_ids: 'omm_1' }), 'room_ids');
  await assert_refused(exports_of(clients.second).participantList({
    data: { ...meeting, meeting_no: '111111111' } }), 404, 121004, 'data not exist');
  await assert_refused(exports_of(clients.second).participantQualityList({
    data: { ...meeting, room_id: 'omm_nowhere', join_time: meeting.meeting_start_time } }),
                       404, 121004, 'data not exist');
});

check('the lists and reports of the platform are said not to be supported', async () => {
  const { meetingList, participantList, participantQualityList, resourceReservationList, report } =
    clients.second.vc.v1;
  const calls = [() => meetingList.get({ params: day }), () => participantList.get({}),
                 () => participantQualityList.get({}), () => resourceReservationList.get({}),
                 () => report.getDaily({ params: day }), () => report.getTopUser({})];
  for (const one of calls) await assert_refused(one(), 400, 121002, 'not support');
});

check('more than a hundred calls a minute are told when to come back', async () => {
  const one = () => exports_of(clients.busy).get({ path: { task_id: nowhere } });
  await assert_refused(one(), 404, 121004, 'data not exist');
  await Promise.all(Array.from({ length: 99 }, () =>
    assert_refused(one(), 404, 121004, 'data not exist')));
  const { headers } = await assert_refused(one(), 429, 99991400, 'request trigger frequency limit');
  assert.equal(headers['x-ogw-ratelimit-limit'], '100');
  assert.match(headers['x-ogw-ratelimit-reset'], /^([1-9]|[1-5]\d|60)$/);
  const id = await create('meetingList', day, { client: clients.busy });
  assert.match(id, /^\d+$/, 'another route has a bucket of its own');
});

check('a client keeps its token and its tasks over a restart of the server', async () => {
  const id = await create('meetingList', day);
  const { file_token } = await finished(id);
  await server.restart();
  assert.equal((await state_of(id)).file_token, file_token);
});
