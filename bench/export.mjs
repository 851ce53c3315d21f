// An export of bookings, 15 columns of text, to a workbook: the engine, which reads the rows from
// its store, against bare libxlsxwriter, which is handed the same cells.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { createInflateRaw } from 'node:zlib';
import { binary, Server, Worker } from '../tests/integration/support/server.mjs';
import { call } from '../tests/integration/support/http.mjs';
import { remove_folder, temp_folder, until } from '../tests/integration/support/suite.mjs';
import { cpu_of_tree, memory_of, progress, ratios, spread } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';

const usage = 'export.mjs [--rounds N] [--count ROWS] [--quick]';

const xlsx_bench = path.join(path.dirname(binary), 'bench/xlsx_bench');
const lacking = fs.existsSync(xlsx_bench)
  ? null
  : `there is no ${xlsx_bench}; build it with: ninja -C build xlsx_bench`;

const first_start = 1773036000; // 2026-03-09 14:00:00 +08:00
const spacing = 20;
const lines_a_request = 150_000; // below the 64 MiB of a body
const topics = ['Ops weekly', 'Planning of the second quarter', '规划会议', 'Interview: backend',
                'Design review <draft>', 'Customer call & demo'];
const people = 2000;
const rooms = 100;

const user = (n) => ({ kind: 'user', user_id: `u${n}`, name: `Person Number ${n}`,
                       department: `Department ${n % 40}` });
const room = (n) => ({ kind: 'room', room_id: `omm_${n}`, name: `Room ${n}, building ${n % 7}` });
const booking = (n) => ({
  kind: 'reservation', reservation_id: `r${String(n).padStart(7, '0')}`, room_id: `omm_${n % rooms}`,
  topic: `${topics[n % topics.length]} ${n}`, reserver: `u${n % people}`, guests: n % 30,
  accepted: n % 17, start_time: first_start + n * spacing,
  end_time: first_start + n * spacing + 1800 + n % 3600, status: 'released_manual',
  checkin_device: 'controller', checkin_status: 'checked_in',
  checkin_time: first_start + n * spacing + 30, released_by: `u${(n * 7) % people}`,
  released_at: first_start + n * spacing + 900,
});

const headings = ['会议室名称', '会议主题', '预定人', '预定人所属部门', '邀请人数', '接受人数', '会议开始时间',
                  '会议结束时间', '会议时长', '会议室预定状态', '签到设备', '会议室签到状态', '会议室签到时间',
                  '释放人', '释放时间'];
const time_cell = (seconds) =>
  `${new Date((seconds + 28_800) * 1000).toISOString().slice(0, 19)
    .replace('T', ' ').replaceAll('-', '.')} (GMT+08:00)`;
const duration_cell = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);
function cells_of(one, n) {
  const who = user(n % people);
  return [room(n % rooms).name, one.topic, who.name, who.department, one.guests, one.accepted,
          time_cell(one.start_time), time_cell(one.end_time),
          duration_cell(one.end_time - one.start_time), '已释放（手动释放）', '控制器', '已签到',
          time_cell(one.checkin_time), user((n * 7) % people).name, time_cell(one.released_at)];
}

/// Two files of `count` bookings: what is ingested, and the cells that have to come out.
function write_sources(folder, count) {
  const records = fs.openSync(path.join(folder, 'records'), 'w');
  const cells = fs.openSync(path.join(folder, 'cells'), 'w');
  fs.writeSync(cells, `${headings.join('\t')}\n`);
  const lines = (list) => list.map((one) => `${JSON.stringify(one)}\n`).join('');
  const numbers = (length, from = 0) => Array.from({ length }, (_, i) => from + i);
  fs.writeSync(records, lines([...numbers(people).map(user), ...numbers(rooms).map(room)]));
  for (let done = 0; done < count; done += 1000) {
    const chunk = numbers(Math.min(1000, count - done), done);
    const bookings = chunk.map(booking);
    fs.writeSync(records, lines(bookings));
    fs.writeSync(cells, bookings.map((one, i) => `${cells_of(one, chunk[i]).join('\t')}\n`).join(''));
  }
  fs.closeSync(records);
  fs.closeSync(cells);
}

async function post_lines(server, lines) {
  const answer = await call('POST', `${server.url}/api/v1/meetings/ingest`, {
    headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/x-ndjson' },
    body: lines,
  });
  if (answer.status !== 200 || answer.json().rejected > 0) throw new Error(answer.text);
}

async function ingest(server, file) {
  let waiting = [];
  let rest = '';
  const flush = async () => {
    if (waiting.length > 0) await post_lines(server, waiting.join('\n'));
    waiting = [];
  };
  for await (const piece of fs.createReadStream(file, { encoding: 'utf8' })) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop();
    waiting.push(...lines);
    if (waiting.length >= lines_a_request) await flush();
  }
  await flush();
}

// --- both sides ---

/// What the rows of a workbook of one sheet are, as their XML's SHA-256.
async function rows_of(file) {
  const size = fs.statSync(file).size;
  const fd = fs.openSync(file, 'r');
  const at = (length, position) => {
    const bytes = Buffer.alloc(length);
    fs.readSync(fd, bytes, 0, length, position);
    return bytes;
  };
  const start_of_tail = Math.max(0, size - 4096);
  const tail = at(size - start_of_tail, start_of_tail);
  const entry = tail.lastIndexOf('xl/worksheets/sheet1.xml') - 46; // of the zip's directory
  const local = tail.readUInt32LE(entry + 42);
  const header = at(30, local);
  fs.closeSync(fd);
  const start = local + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const end = start + tail.readUInt32LE(entry + 20) - 1;
  const hash = createHash('sha256');
  let text = '';
  let inside = false;
  for await (const piece of fs.createReadStream(file, { start, end }).pipe(createInflateRaw())) {
    text += piece.toString('latin1');
    if (!inside && !text.includes('<sheetData>')) continue;
    if (!inside) text = text.slice(text.indexOf('<sheetData>'));
    inside = true;
    if (text.includes('</sheetData>')) {
      return hash.update(text.slice(0, text.indexOf('</sheetData>'))).digest('hex');
    }
    hash.update(text.slice(0, -12)); // the end may lie across two pieces
    text = text.slice(-12);
  }
  throw new Error(`${file} holds no whole sheet`);
}

function save(url, token, file) {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` };
    http.get(url, { headers }, (response) => {
      response.pipe(fs.createWriteStream(file)).on('finish', resolve).on('error', reject);
    }).on('error', reject);
  });
}

/// {cpu, wall, peak, bytes, rows} of one export by a worker that does nothing else.
async function through_engine(server, count, folder) {
  const worker = new Worker(server.data);
  try {
    const ask = async (method, route, body) =>
      (await call(method, `${server.url}/open-apis${route}`, { headers: ask.headers, body })).json();
    const { tenant_access_token: token } = await ask(
      'POST', '/auth/v3/tenant_access_token/internal',
      { app_id: 'main', app_secret: server.token.split('.')[1] });
    ask.headers = { Authorization: `Bearer ${token}` };
    await until('a worker at rest', () => /"working"/.test(worker.process.lines.join()));
    const cpu = cpu_of_tree(worker.pid);
    const start = performance.now();
    const made = await ask('POST', '/vc/v1/exports/resource_reservation_list', {
      start_time: String(first_start), end_time: String(first_start + (count - 1) * spacing),
      room_level_id: '0', need_topic: true });
    const ended = await until('the export', async () => {
      const { data } = await ask('GET', `/vc/v1/exports/${made.data.task_id}`);
      return data.status === 1 ? null : data;
    }, { guard: 1_800_000, every: 700 });
    if (ended.status !== 3) throw new Error(JSON.stringify(ended));
    const took = { cpu: cpu_of_tree(worker.pid) - cpu, wall: (performance.now() - start) / 1000,
                   peak: memory_of(worker.pid).peak };
    const file = path.join(folder, 'engine.xlsx');
    await save(ended.url, token, file);
    return { ...took, bytes: fs.statSync(file).size, rows: await rows_of(file) };
  } finally {
    await worker.close();
  }
}

async function through_library(folder) {
  const file = path.join(folder, 'library.xlsx');
  const start = performance.now();
  const ran = spawnSync(xlsx_bench, [path.join(folder, 'cells'), file, folder],
                        { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`xlsx_bench: ${ran.stderr}`);
  const wall = (performance.now() - start) / 1000;
  return { cpu: JSON.parse(ran.stdout).cpu_seconds, wall,
           bytes: fs.statSync(file).size, rows: await rows_of(file) };
}

async function measure(count, rounds) {
  const folder = temp_folder('export');
  const server = await Server.start({ flags: ['--worker-enabled', 'false', '--log-level', 'warning',
                                              '--feishu-rate-per-minute', '0'] });
  try {
    progress(`export: ${count} bookings on their way in`);
    write_sources(folder, count);
    const before = cpu_of_tree(server.pid);
    await ingest(server, path.join(folder, 'records'));
    const ingested = cpu_of_tree(server.pid) - before;
    const ours = [];
    const theirs = [];
    for (let round = 1; round <= rounds; round++) {
      progress(`export: ${count} rows, round ${round} of ${rounds}`);
      ours.push(await through_engine(server, count, folder));
      theirs.push(await through_library(folder));
      if (ours.at(-1).rows !== theirs.at(-1).rows) throw new Error('the rows are not the same');
    }
    return { count, ours, theirs, ingested };
  } finally {
    await server.close();
    remove_folder(folder);
  }
}

export async function run(given) {
  const options = with_defaults(given, { rounds: 3, count: 1_000_000 }, { rounds: 1, count: 2000 });
  if (lacking) return `## Exports\n\nSKIPPED: ${lacking}\n`;
  const rows = [];
  for (const count of [Math.ceil(options.count / 10), options.count]) {
    const { ours, theirs, ingested } = await measure(count, options.rounds);
    const column = (series, key) => series.map((each) => each[key]);
    const cpu = [column(ours, 'cpu'), column(theirs, 'cpu')];
    const peaks = column(ours, 'peak').map((bytes) => bytes / 2 ** 20);
    rows.push([count, spread(cpu[0], 1), spread(cpu[1], 1), spread(ratios(...cpu)),
               spread(column(ours, 'wall'), 1), spread(column(theirs, 'wall'), 1),
               [ours, theirs].map(([one]) => (one.bytes / 1e6).toFixed(1)).join(', '), spread(peaks, 0),
               ingested.toFixed(1)]);
  }
  return `## Exports to XLSX, 15 columns\n\n${options.rounds} rounds; both sheets are the same, ` +
    'byte for byte.\n\n' +
    table(['rows', 'engine, CPU s', 'libxlsxwriter, CPU s', 'ratio', 'engine, s',
           'libxlsxwriter, s', 'files, MB', 'peak memory of the worker, MiB', 'ingest, CPU s'], rows);
}

await main(import.meta.url, usage, run);
