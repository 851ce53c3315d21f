// The Feishu dialect, as a strict client sees it: records in, an export made, polled, downloaded
// and compared cell by cell.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before } from 'node:test';
import { Server, repository } from './support/server.mjs';
import { check, temp_folder, until } from './support/suite.mjs';
import { sheet_rows, unzip } from './support/xlsx.mjs';

const app = { app_id: 'cli_9c1d7e20b4a65f38', app_secret: 'secret-of-the-app' };
const second = { app_id: 'cli_00000000000000aa', app_secret: 'secret-of-another' };
const foreign = { app_id: 'cli_00000000000000bb', app_secret: 'secret-elsewhere' };
const lame = { app_id: 'cli_00000000000000cc', app_secret: 'secret-without-scope' };
const ingest_key = 'ingest-key-0001';
const config = `
[[meetings.ingest_key]]
key = "${ingest_key}"
[[feishu.app]]
id = "${app.app_id}"
secret = "${app.app_secret}"
[[feishu.app]]
id = "${second.app_id}"
secret = "${second.app_secret}"
[[feishu.app]]
id = "${foreign.app_id}"
secret = "${foreign.app_secret}"
account = "elsewhere"
[[feishu.app]]
id = "${lame.app_id}"
secret = "${lame.app_secret}"
scopes = ["vc:room:readonly"]
[[feishu.user_token]]
token = "u-lin-mei"
app = "${app.app_id}"
user = "u1003"
`;

let server;
before(async () => {
  const file = path.join(temp_folder('config'), 'telecine.toml');
  fs.writeFileSync(file, config);
  server = await Server.start({ flags: ['--config', file,
                                          '--server-trusted-proxies', '127.0.0.1'] });
});
after(() => server?.close());

const log_id_form = /^\d{14}[0-9A-F]{20}$/;

/// One call. Every answer must carry the platform's headers, and a failure its log id.
async function call(method, route, { token = null, body = null, headers = {}, prefix = '' } = {}) {
  const answer = await fetch(server.url + prefix + route, {
    method,
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'Content-Type': 'application/json; charset=utf-8' } : {}),
      ...headers,
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.match(answer.headers.get('x-tt-logid') ?? '', log_id_form);
  const type = answer.headers.get('content-type') ?? '';
  const json = type.startsWith('application/json') ? JSON.parse(bytes.toString()) : null;
  if (json?.error) assert.equal(json.error.log_id, answer.headers.get('x-tt-logid'));
  return { status: answer.status, headers: answer.headers, bytes, json, type };
}

async function token_of(credentials) {
  const { status, json } = await call('POST', '/open-apis/auth/v3/tenant_access_token/internal',
                                      { body: credentials });
  assert.equal(status, 200);
  assert.equal(json.code, 0, JSON.stringify(json));
  assert.equal(json.msg, 'ok');
  assert.ok(json.expire >= 1800 && json.expire <= 7200);
  assert.match(json.tenant_access_token, /^t-[A-Za-z0-9_.-]{16,}$/);
  return json.tenant_access_token;
}

function assert_fault(answer, status, code) {
  assert.equal(answer.status, status, answer.bytes.toString());
  assert.equal(answer.json?.code, code, answer.bytes.toString());
  assert.ok(!('data' in answer.json), 'a failure has no data');
  return answer.json;
}

async function ingest(lines, { key = ingest_key, type = 'application/x-ndjson' } = {}) {
  const answer = await fetch(`${server.url}/api/v1/meetings/ingest`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': type },
    body: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  });
  return { status: answer.status, json: await answer.json() };
}

const exports_route = '/open-apis/vc/v1/exports';

async function create(report, body, token, query = '') {
  const { status, json } = await call('POST', `${exports_route}/${report}${query}`,
                                      { token, body });
  assert.equal(status, 200, JSON.stringify(json));
  assert.equal(json.msg, 'success');
  assert.match(json.data.task_id, /^[1-9]\d{0,18}$/);
  return json.data.task_id;
}

async function finished(id, token) {
  return until(`the end of export ${id}`, async () => {
    const { status, json } = await call('GET', `${exports_route}/${id}`, { token });
    assert.equal(status, 200);
    if (json.data.status === 1) {
      assert.deepEqual(Object.keys(json.data), ['status']);
      return null;
    }
    return json.data;
  }, { every: 400 });
}

async function exported(report, body, token, query) {
  const id = await create(report, body, token, query);
  const data = await finished(id, token);
  assert.equal(data.status, 3, JSON.stringify(data));
  const file = await call('GET', `${exports_route}/download?file_token=${data.file_token}`,
                          { token });
  assert.equal(file.status, 200);
  assert.equal(file.headers.get('content-disposition'),
               `attachment; filename="${report}_${id}.xlsx"`);
  return { id, data, bytes: file.bytes, rows: sheet_rows(file.bytes) };
}

const start = 1773036000; // 2026-03-09 14:00:00 +08:00
const records = [
  { kind: 'user', user_id: 'u1003', name: 'Lin Mei', department: 'Platform',
    employee_no: '20260117', email: 'lin.mei@example.com', mobile: '+86 139' },
  { kind: 'room', room_id: 'omm_fuji', name: 'Fuji', room_level_id: 'omb_floor',
    room_level_path: ['omb_house'] },
  { kind: 'meeting', instance_id: 'cal-1', meeting_no: '402917355', topic: ' =1+1 <&> \r\n',
    organizer: 'u1003', start_time: start, end_time: '2026-03-09T15:05:10+08:00',
    recording: true },
  { kind: 'participant', instance_id: 'cal-1', user: 'u1003', join_time: start + 4,
    leave_time: start + 1000, device: 'MAC', audio: true, leave_reason: 'connection_lost' },
  { kind: 'participant', instance_id: 'cal-1', user: 'u1003', join_time: start + 1010,
    leave_time: start + 3900, leave_reason: 'left', public_ip: '203.0.113.9' },
  { kind: 'participant', instance_id: 'cal-1', room_id: 'omm_fuji', join_time: start + 1 },
  { kind: 'quality', instance_id: 'cal-1', participant_id: 'u1003', time: start + 60,
    audio: { recv: { bitrate_kbps: 41.5, latency_ms: 23, loss_avg_pct: 0.4 } },
    cpu: { client_avg_pct: 6 } },
  { kind: 'reservation', reservation_id: 'r1', room_id: 'omm_fuji', topic: 'Planning',
    reserver: 'u1003', guests: 4, accepted: 2, start_time: start, end_time: start + 1800,
    checkin_status: 'checked_in', checkin_device: 'board', checkin_time: start + 30 },
];

check('records are taken line by line, and what is wrong is named', async () => {
  const good = await ingest(records);
  assert.equal(good.status, 200);
  assert.deepEqual(good.json, { accepted: records.length, rejected: 0, errors: [] });
  assert.deepEqual((await ingest(records)).json, good.json, 'sending again is fine');
  const mixed = await ingest([records[0], '', '{"kind":"meeting","instance_id":"x",' +
                              '"start_time":1,"meeting_no":"12"}', 'nonsense',
                              { kind: 'party' }]);
  assert.equal(mixed.json.accepted, 1);
  assert.equal(mixed.json.rejected, 3);
  assert.deepEqual(mixed.json.errors.map((e) => [e.line, e.code, e.field ?? null]),
                   [[3, 'bad_field', 'meeting_no'], [4, 'bad_json', null], [5, 'bad_kind', 'kind']]);
  const unknown = await ingest(records, { key: 'ingest-key-0002' });
  assert.equal(unknown.status, 401);
  assert.equal(unknown.json.error.code, 'unauthorized');
  assert.equal((await ingest(records, { key: server.token })).status, 401);
  assert.equal((await ingest(records, { type: 'application/json' })).status, 415);
  const long = await ingest([{ kind: 'user', user_id: 'u', name: 'x'.repeat(300_000) }]);
  assert.equal(long.status, 413);
});

check('an export of meetings is made, polled, downloaded and read', async () => {
  const token = await token_of(app);
  const body = { start_time: String(start), end_time: String(start + 86_400) };
  const { data, bytes, rows } = await exported('meeting_list', body, token);
  assert.equal(data.url,
               `${server.url}${exports_route}/download?file_token=${data.file_token}`);
  assert.match(data.file_token, /^[A-Za-z0-9_.~-]{16,}$/);
  assert.ok(!('fail_msg' in data));
  assert.equal(rows.length, 2);
  assert.equal(rows[0].length, 17);
  assert.equal(rows[0][0], '会议ID');
  assert.deepEqual(rows[1], [
    '402917355', ' =1+1 <&> \r\n', 'Lin Mei', 'Platform', 'u1003', '20260117',
    'lin.mei@example.com', '+86 139', '2026.03.09 14:00:00 (GMT+08:00)',
    '2026.03.09 15:05:10 (GMT+08:00)', '01:05:10', '2', '是', '否', '否', '是', '否',
  ]);
  assert.match(unzip(bytes).get('xl/workbook.xml').toString(), /<sheet name="Sheet1"/);

  const part = await call('GET', `${exports_route}/download?file_token=${data.file_token}`,
                          { token, headers: { Range: 'bytes=2-5' } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get('content-range'), `bytes 2-5/${bytes.length}`);
  assert.deepEqual(part.bytes, bytes.subarray(2, 6));
  const beyond = await call('GET', `${exports_route}/download?file_token=${data.file_token}`,
                            { token, headers: { Range: `bytes=${bytes.length}-` } });
  assert.equal(beyond.status, 416);
  const bare = await call('GET', `${exports_route}/download?file_token=${data.file_token}`);
  assert_fault(bare, 400, 99991661);
});

check('nothing that matches is a file with its heading', async () => {
  const token = await token_of(app);
  const { rows } = await exported('meeting_list', { start_time: '1', end_time: '2' }, token);
  assert.equal(rows.length, 1);
  const elsewhere = await exported('meeting_list',
    { start_time: String(start), end_time: String(start) }, await token_of(foreign));
  assert.equal(elsewhere.rows.length, 1, 'another account sees nothing of it');
});

const meeting = { meeting_no: '402917355', meeting_start_time: String(start + 59),
                  meeting_end_time: String(start + 3910) };

check('participants are merged, one row each', async () => {
  const token = await token_of(app);
  const { rows } = await exported('participant_list', meeting, token);
  assert.equal(rows[0].length, 23);
  assert.deepEqual(rows.slice(1).map((row) => row[0]), ['Fuji', 'Lin Mei']);
  assert.equal(rows[1][2], '');
  assert.equal(rows[1][22], '会议结束');
  assert.equal(rows[2][8], '203.0.113.9');
  assert.deepEqual(rows[2].slice(19), ['2026.03.09 14:00:04 (GMT+08:00)',
    '2026.03.09 15:05:00 (GMT+08:00)', '01:04:46', '主动离会']);
  const one = await exported('participant_list', { ...meeting, user_id: 'u1003' }, token,
                             '?user_id_type=user_id');
  assert.deepEqual(one.rows.slice(1).map((row) => row[0]), ['Lin Mei']);
});

check('quality and bookings have their cells', async () => {
  const token = await token_of(app);
  const quality = await exported('participant_quality_list',
    { ...meeting, user_id: 'u1003', join_time: String(start + 4) }, token, '?user_id_type=user_id');
  assert.equal(quality.rows[0].length, 35);
  assert.equal(quality.rows.length, 2);
  assert.deepEqual(quality.rows[1].slice(0, 5),
                   ['2026.03.09 14:01:00 (GMT+08:00)', '41.5kbps', '23ms', '', '0.4%']);
  assert.equal(quality.rows[1][32], '6%');

  const window = { start_time: String(start), end_time: String(start) };
  const booked = await exported('resource_reservation_list',
    { ...window, room_level_id: 'omb_house', need_topic: true }, token);
  assert.deepEqual(booked.rows[1], ['Fuji', 'Planning', 'Lin Mei', 'Platform', '4', '2',
    '2026.03.09 14:00:00 (GMT+08:00)', '2026.03.09 14:30:00 (GMT+08:00)', '00:30:00',
    '预定成功', '签到板', '已签到', '2026.03.09 14:00:30 (GMT+08:00)']);
  const silent = await exported('resource_reservation_list',
    { ...window, room_level_id: '0', room_ids: ['omm_fuji'] }, token);
  assert.equal(silent.rows[1][1], '');
  const none = await exported('resource_reservation_list',
    { ...window, room_level_id: 'omb_unknown' }, token);
  assert.equal(none.rows.length, 1);
});

/// The sheet's XML must be that of the golden file; TELECINE_GOLDEN=write makes the files anew.
function assert_golden(report, bytes) {
  const file = path.join(repository, 'tests/golden/feishu', `${report}.xml`);
  const sheet = unzip(bytes).get('xl/worksheets/sheet1.xml').toString();
  if (process.env.TELECINE_GOLDEN === 'write') fs.writeFileSync(file, sheet);
  assert.equal(sheet, fs.readFileSync(file, 'utf8'));
}

check('the workbook of each export is the same to the byte', async () => {
  const token = await token_of(app);
  const window = { start_time: String(start), end_time: String(start) };
  const by_user_id = '?user_id_type=user_id';
  const wanted = [
    ['meeting_list', window],
    ['participant_list', meeting],
    ['participant_quality_list', { ...meeting, user_id: 'u1003', join_time: String(start + 4) },
     by_user_id],
    ['resource_reservation_list', { ...window, room_level_id: 'omb_house', need_topic: true }],
  ];
  for (const [report, body, query] of wanted) {
    const { bytes } = await exported(report, body, token, query);
    assert_golden(report, bytes);
    assert.deepEqual([...unzip(bytes).keys()], [
      '_rels/.rels', 'xl/styles.xml', 'xl/worksheets/sheet1.xml', 'xl/workbook.xml',
      'xl/_rels/workbook.xml.rels', '[Content_Types].xml']);
  }
});

/// The answer as it was sent, but for what differs from call to call.
async function text_of(method, route, token, body = null) {
  const { status, bytes } = await call(method, route, { token, body });
  const text = bytes.toString()
    .replace(/"log_id":"\d{14}[0-9A-F]{20}"/, '"log_id":"LOG"')
    .replace(/"file_token":"[^"]+"/, '"file_token":"FILE"')
    .replace(/file_token=[^"]+"/, 'file_token=FILE"')
    .replaceAll(server.url, 'HOST');
  return `${status} ${text}`;
}

check('answers are the same to the byte', async () => {
  const token = await token_of(app);
  const { id } = await exported('meeting_list', { start_time: '1', end_time: '2' }, token);
  assert.equal(await text_of('GET', `${exports_route}/${id}`, token),
    '200 {"code":0,"msg":"success","data":{"status":3,' +
    '"url":"HOST/open-apis/vc/v1/exports/download?file_token=FILE","file_token":"FILE"}}');
  assert.equal(await text_of('GET', `${exports_route}/${id}`, await token_of(second)),
    '403 {"code":121005,"msg":"no permission","error":{"log_id":"LOG"}}');
  assert.equal(await text_of('GET', `${exports_route}/999999999999999`, token),
    '404 {"code":121004,"msg":"data not exist","error":{"log_id":"LOG"}}');
  assert.equal(await text_of('GET', `${exports_route}/x`, token),
    '400 {"code":121003,"msg":"param error","error":{"log_id":"LOG","field_violations":' +
    '[{"field":"task_id","description":"must be a number of at most 20 digits"}]}}');
  assert.equal(await text_of('GET', '/open-apis/vc/v1/meeting_list', token),
    '400 {"code":121002,"msg":"not support","error":{"log_id":"LOG"}}');
  assert.equal(await text_of('GET', `${exports_route}/${id}`, 't-nonsense'),
    '400 {"code":99991663,"msg":"Invalid access token for authorization. Please make a request ' +
    'with token attached.","error":{"log_id":"LOG"}}');
  assert.equal(await text_of('GET', `${exports_route}/${id}`, await token_of(lame)),
    '400 {"code":99991672,"msg":"Access denied. One of the following scopes is required: ' +
    '[vc:export]","error":{"log_id":"LOG","permission_violations":' +
    '[{"type":"action_scope_required","subject":"vc:export"}]}}');
});

check('a meeting or participant that is not there is said at once', async () => {
  const token = await token_of(app);
  const wrong = { ...meeting, meeting_no: '111111111' };
  assert_fault(await call('POST', `${exports_route}/participant_list`, { token, body: wrong }),
               404, 121004);
  const late = { ...meeting, user_id: 'u1003', join_time: String(start + 500) };
  assert_fault(await call('POST', `${exports_route}/participant_quality_list?user_id_type=user_id`,
                          { token, body: late }), 404, 121004);
});

check('links begin as the proxy in front of the server says', async () => {
  const token = await token_of(app);
  const { id } = await exported('meeting_list', { start_time: '1', end_time: '2' }, token);
  const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'meet.example.org' };
  const { json } = await call('GET', `${exports_route}/${id}`, { token, headers });
  assert.match(json.data.url, /^https:\/\/meet\.example\.org\/open-apis\//);
});

check('an export belongs to who made it', async () => {
  const token = await token_of(app);
  const body = { start_time: '1', end_time: '2' };
  const { id, data } = await exported('meeting_list', body, token);
  for (const other of [await token_of(second), await token_of(foreign), 'u-lin-mei']) {
    assert_fault(await call('GET', `${exports_route}/${id}`, { token: other }), 403, 121005);
    const file = `${exports_route}/download?file_token=${data.file_token}`;
    assert_fault(await call('GET', file, { token: other }), 403, 121005);
  }
  const persons = await create('meeting_list', body, 'u-lin-mei');
  assert_fault(await call('GET', `${exports_route}/${persons}`, { token }), 403, 121005);
  assert.equal((await finished(persons, 'u-lin-mei')).status, 3);
});

check('what cannot be read is refused with its own code', async () => {
  const token = await token_of(app);
  const at = (route, options = {}) => call('GET', exports_route + route, { token, ...options });
  assert_fault(await at('/abc'), 400, 121003);
  assert_fault(await at('/999999999999999'), 404, 121004);
  assert_fault(await at('/download'), 400, 121003);
  assert_fault(await at('/download?file_token=nonsense'), 404, 121004);
  const post = (body, query = '') =>
    call('POST', `${exports_route}/meeting_list${query}`, { token, body });
  const fault = assert_fault(await post({ start_time: '1' }), 400, 121003);
  assert.equal(fault.error.field_violations[0].field, 'end_time');
  assert_fault(await post({ start_time: '1', end_time: '2' }, '?user_id_type=x'), 400, 121003);
  const broken = await fetch(`${server.url}${exports_route}/meeting_list`, {
    method: 'POST', headers: { Authorization: `Bearer ${token}` }, body: '{',
  });
  assert.equal(broken.status, 400);
  assert.equal((await broken.json()).code, 9499);
  const scopeless = assert_fault(
    await call('POST', `${exports_route}/meeting_list`,
               { token: await token_of(lame), body: { start_time: '1', end_time: '2' } }),
    400, 99991672);
  assert.deepEqual(scopeless.error.permission_violations,
                   [{ type: 'action_scope_required', subject: 'vc:export' }]);
});

check('unknown paths answer in plain text, with or without a token', async () => {
  for (const [method, route] of [['GET', '/open-apis/vc/v1/nothing'],
                                 ['PUT', `${exports_route}/meeting_list`],
                                 ['GET', `${exports_route}/meeting_list`],
                                 ['POST', `${exports_route}/download`]]) {
    const answer = await call(method, route);
    assert.equal(answer.status, 404);
    assert.equal(answer.type, 'text/plain');
    assert.equal(answer.bytes.toString(), '404 page not found');
  }
});

check('the token routes refuse in their own way', async () => {
  const ask = async (body) => {
    const { status, json } = await call('POST',
      '/open-apis/auth/v3/tenant_access_token/internal/', { body });
    assert.equal(status, 200);
    return json;
  };
  assert.deepEqual(await ask({ ...app, app_secret: 'wrong' }),
                   { code: 10014, msg: 'app secret invalid' });
  assert.deepEqual(await ask({ ...app, app_id: 'cli_ffffffffffffffff' }),
                   { code: 10014, msg: 'app id not exists' });
  for (const bad of [{}, { ...app, app_id: 'nobody' }, { ...app, app_secret: 5 }]) {
    assert.deepEqual(await ask(bad), { code: 10003, data: {}, msg: 'invalid param' });
  }
  const both = await call('POST', '/open-apis/auth/v3/app_access_token/internal', { body: app });
  assert.equal(both.json.app_access_token, both.json.tenant_access_token);
});

check('the dialect is found below its prefix and behind a doubled slash', async () => {
  const token = await token_of(app);
  for (const prefix of ['/feishu', '/feishu/', '/']) {
    const made = await call('POST', `${exports_route}/meeting_list`,
                            { token, prefix, body: { start_time: '1', end_time: '2' } });
    assert.equal(made.json.code, 0, prefix);
    const id = made.json.data.task_id;
    await finished(id, token);
    const { json } = await call('GET', `${exports_route}/${id}`, { token, prefix });
    const base = server.url + (prefix === '/' ? '' : '/feishu');
    assert.ok(json.data.url.startsWith(`${base}/open-apis/`), json.data.url);
  }
});

check('a GET with a body does not disturb the connection, and header names keep their case',
      async () => {
  const token = await token_of(app);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const get = () => new Promise((resolve, reject) => {
    const request = http.request(`${server.url}${exports_route}/999999999999999`, {
      agent,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json',
                 'Content-Length': 2 },
    }, (response) => {
      response.resume();
      response.on('end', () => resolve(response));
    });
    request.on('error', reject);
    request.end('{}');
  });
  for (let i = 0; i < 3; i += 1) {
    const response = await get();
    assert.equal(response.statusCode, 404);
    for (const name of ['Content-Type', 'X-Tt-Logid', 'X-Request-Id']) {
      assert.ok(response.rawHeaders.includes(name), name);
    }
  }
  agent.destroy();
});

check('tokens, tasks and files outlive a restart', async () => {
  const token = await token_of(app);
  const { id, data, bytes } = await exported('meeting_list',
    { start_time: String(start), end_time: String(start) }, token);
  await server.restart();
  assert.equal((await finished(id, token)).file_token, data.file_token);
  const again = await call('GET', `${exports_route}/download?file_token=${data.file_token}`,
                           { token });
  assert.deepEqual(again.bytes, bytes);
});

check('a hundred calls a minute pass, and the next one says when to come back', async () => {
  const token = await token_of(second);
  let refused = null;
  for (let i = 0; i < 101; i += 1) {
    const answer = await call('GET', `${exports_route}/999999999999999`, { token });
    if (i < 100) assert.equal(answer.status, 404, `call ${i}`);
    else refused = answer;
  }
  const fault = assert_fault(refused, 429, 99991400);
  assert.equal(fault.msg, 'request trigger frequency limit');
  assert.equal(refused.headers.get('x-ogw-ratelimit-limit'), '100');
  const reset = Number(refused.headers.get('x-ogw-ratelimit-reset'));
  assert.ok(reset >= 1 && reset <= 60);
  // Another route has a bucket of its own.
  assert_fault(await call('GET', `${exports_route}/download`, { token }), 400, 121003);
});
