// Durable submits over HTTP with 1, 64 and 256 clients, beside what the disk takes for one fsync;
// and life cycles without work, in process.
import fs from 'node:fs';
import path from 'node:path';
import { Server } from '../tests/integration/support/server.mjs';
import { remove_folder, temp_folder } from '../tests/integration/support/suite.mjs';
import { bench_store, lacks_store_bench } from './support/databases.mjs';
import { cpu_of_tree, median, progress, spread } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { lacks_wrk, wrk } from './support/wrk.mjs';

const usage = 'submits.mjs [--rounds N] [--seconds N] [--quick]';

const input = 'https://media.example.com/library/1/source.mp4';
const bodies = {
  'one output': { input, outputs: [{ name: '720p', type: 'video', video: { short_side: 720 } }] },
  'template ladder, five outputs': { input, template: 'ladder' },
};
const clients = [1, 64, 256];
const cycles_in_flight = [64, 512];

/// What one durable write of 4 KiB can be. SQLite's log is appended to until its first checkpoint
/// and overwritten from then on, each time with fdatasync.
const disk_ways = {
  'append, fsync': { sync: fs.fsyncSync, written_before: false },
  'append, fdatasync': { sync: fs.fdatasyncSync, written_before: false },
  'overwrite, fdatasync': { sync: fs.fdatasyncSync, written_before: true },
};

/// The median of 200 of them in ms, where the data directories of this run lie.
function disk_time({ sync, written_before }) {
  const count = 200;
  const folder = temp_folder('fsync');
  const file = fs.openSync(path.join(folder, 'file'), 'w');
  const page = Buffer.alloc(4096, 'x');
  if (written_before) fs.writeSync(file, Buffer.alloc(count * page.length), 0);
  fs.fsyncSync(file);
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    fs.writeSync(file, page, 0, page.length, i * page.length);
    sync(file);
    times.push(performance.now() - start);
  }
  fs.closeSync(file);
  remove_folder(folder);
  return median(times);
}

async function submit(server, body, connections, seconds) {
  const before = cpu_of_tree(server.pid);
  const args = [server.token, JSON.stringify(body)];
  const result = await wrk('post.lua', server.url, { connections, seconds, args });
  return { ...result, per_cpu: result.requests / (cpu_of_tree(server.pid) - before) };
}

export async function run(given) {
  const options = with_defaults(given, { rounds: 5, seconds: 5 }, { rounds: 1, seconds: 1 });
  const lacking = lacks_wrk ?? lacks_store_bench;
  if (lacking) return `## Submits\n\nSKIPPED: ${lacking}\n`;
  const { rounds, seconds } = options;
  const disk = new Map();
  const submits = new Map();
  const cycles = new Map();
  const keep = (map, key, value) => map.set(key, [...(map.get(key) ?? []), value]);
  for (let round = 1; round <= rounds; round++) {
    for (const [name, way] of Object.entries(disk_ways)) keep(disk, name, disk_time(way));
    for (const [name, body] of Object.entries(bodies)) {
      progress(`submits: round ${round} of ${rounds}: ${name}`);
      const server = await Server.start({
        flags: ['--worker-enabled', 'false', '--log-level', 'warning'],
      });
      try {
        await submit(server, body, 64, 1);
        for (const count of clients) {
          keep(submits, `${name}|${count}`, await submit(server, body, count, seconds));
        }
      } finally {
        await server.close();
      }
    }
    for (const count of cycles_in_flight) {
      progress(`submits: round ${round} of ${rounds}: cycles, ${count} in flight`);
      const folder = temp_folder('cycle');
      const made = await bench_store(['cycle', folder, seconds, count]);
      keep(cycles, count, { rate: made.cycles / made.seconds,
                            cost: (made.cpu_seconds / made.cycles) * 1e6 });
      remove_folder(folder);
    }
  }
  const column = (series, key) => series.map((each) => each[key]);
  const rows = [...submits].map(([key, series]) => [
    ...key.split('|'), spread(column(series, 'rate'), 0), spread(column(series, 'per_cpu'), 0),
    spread(column(series, 'p50')), spread(column(series, 'p99')),
  ]);
  const lone = submits.get(`${Object.keys(bodies)[0]}|1`);
  const beyond = (times) => spread(lone.map((each, i) => each.p50 - times[i]));
  return `## Durable submits\n\n${rounds} rounds of ${seconds} s, each on a new data directory ` +
    `in ${temp_place()}; every answer was written with synchronous=FULL.\n\n` +
    table(['body', 'clients', 'submits/s', 'submits per CPU second', 'p50, ms', 'p99, ms'], rows) +
    '\n' +
    table(['4 KiB made durable on that disk', 'ms', "a lone client's p50 beyond it, ms"],
          [...disk].map(([name, times]) => [name, spread(times), beyond(times)])) + '\n' +
    '### Life cycles without work: submit, claim, commit\n\n' +
    table(['in flight', 'cycles/s', 'CPU each, µs'],
          [...cycles].map(([count, series]) => [count, spread(column(series, 'rate'), 0),
                                                spread(column(series, 'cost'), 0)]));
}

function temp_place() {
  const folder = temp_folder('place');
  remove_folder(folder);
  return path.dirname(folder);
}

await main(import.meta.url, usage, run);
