// From spawn to ready with many stored tasks after a kill, idle memory, and the highest memory
// of the server and its media child during a ladder, beside one ffmpeg command's.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { call } from '../tests/integration/support/http.mjs';
import { media_children_of, zygotes_of } from '../tests/integration/support/processes.mjs';
import { Server } from '../tests/integration/support/server.mjs';
import { remove_folder, sleep, temp_folder } from '../tests/integration/support/suite.mjs';
import { bytes_of, copy_of, database, lacks_store_bench, token } from './support/databases.mjs';
import { memory_of, progress, quiet, ratios, spread, watch_peak } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { clip_1080p, given as given_source, lacks_ffmpeg } from './support/sources.mjs';
import { lacks_wrk, wrk } from './support/wrk.mjs';

const usage = `start.mjs [--rounds N] [--tasks N] [--source FILE] [--data DIR] [--quick]

  --tasks N   stored tasks (1000000)
  --data DIR  where databases are kept for the next time (build/bench-data)`;

const submission = JSON.stringify({
  input: 'https://media.example.com/library/1/source.mp4',
  outputs: [{ name: '720p', type: 'video', video: { short_side: 720 } }],
});
const sides = [720, 480, 360];

/// `server` as a new process: ms from spawn to the first 200 of /readyz, asked for all the time.
async function time_launch(server) {
  const start = performance.now();
  const launched = server.launch();
  for (;;) {
    const answer = await call('GET', `${server.url}/readyz`).catch(() => null);
    if (answer?.status === 200) break;
    if (performance.now() - start > 60_000) break;
    await sleep(2);
  }
  const took = performance.now() - start;
  await launched;
  return took;
}

/// Kills a server while clients submit to it, and starts it again.
async function kill_and_start(server) {
  const args = [token, submission];
  const load = wrk('post.lua', server.url, { connections: 64, seconds: 2, args });
  // The connections break: that is what is wanted here.
  load.catch(() => {});
  await sleep(1000);
  await server.kill();
  await load.catch(() => {});
  const journal = path.join(server.data, 'telecine.db-wal');
  const wal = fs.existsSync(journal) ? fs.statSync(journal).size : 0;
  return { took: await time_launch(server), wal };
}

async function measure_start(options) {
  const lacking = lacks_store_bench ?? lacks_wrk;
  if (lacking) return `SKIPPED: ${lacking}\n`;
  const folders = { empty: temp_folder('empty'), many: null };
  const source = await database(options.data, options.tasks);
  folders.many = copy_of(source);
  const series = { empty: [], many: [] };
  const servers = {};
  try {
    servers.empty = await Server.start({ flags: ['--log-level', 'warning'] });
    servers.many = await Server.start({
      data: folders.many,
      // Nothing is fetched here; the worker is on, as it starts with the server.
      flags: ['--data-retention', '0', '--log-level', 'error'],
    });
    servers.many.token = token;
    for (let round = 1; round <= options.rounds; round++) {
      progress(`start: round ${round} of ${options.rounds}`);
      await servers.empty.kill();
      series.empty.push({ took: await time_launch(servers.empty), wal: 0 });
      series.many.push(await kill_and_start(servers.many));
    }
  } finally {
    for (const server of Object.values(servers)) await server.kill();
    remove_folder(servers.empty?.data ?? folders.empty);
    remove_folder(folders.many);
  }
  const times = (name) => series[name].map((each) => each.took);
  const row = (text, name) => [
    text, spread(times(name), 0),
    spread(series[name].map((each) => each.wal / 2 ** 20), 1),
    name === 'empty' ? '' : spread(ratios(times(name), times('empty'))),
  ];
  return table(['after kill -9', 'spawn to ready, ms', 'write-ahead log left, MiB', '÷ empty'],
               [row('empty data directory', 'empty'),
                row(`${options.tasks} tasks, ${(bytes_of(source) / 2 ** 30).toFixed(2)} GiB, ` +
                    'killed under submits', 'many')]);
}

// --- memory ---

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);

/// How long the server keeps a media process that has nothing to do.
const warm = 5000;  // ms

async function measure_rest(server) {
  await sleep(2000);
  const rows = [['server', server.pid], ...zygotes_of(server.pid).map((pid) => ['zygote', pid])]
    .map(([name, pid]) => ({ name, ...memory_of(pid) }));
  const shared = rows.every((row) => row.share !== null);
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  const cells = (row) => [row.name, mib(row.now), mib(row.own), shared ? mib(row.share) : '–'];
  const both = { name: '**both**', now: sum('now'), own: sum('own'), share: sum('share') };
  await sleep(warm);
  const alone = { name: '**server, the zygote put to rest**', ...memory_of(server.pid) };
  return table(['idle, empty data directory', 'resident, MiB', 'without mapped files, MiB',
                'with shared pages split, MiB'], [...rows, both, alone].map(cells));
}

/// One ffmpeg command's peak on the same ladder.
async function ffmpeg_peak(source) {
  const folder = temp_folder('peak');
  const branches = sides.map((side, i) => `[s${i}]scale=-2:${side}[v${i}]`);
  const graph = ['[0:v:0]split=3[s0][s1][s2]', ...branches].join(';');
  const maps = sides.flatMap((side, i) => [
    '-map', `[v${i}]`, '-map', '0:a:0?', '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '23',
    '-c:a', 'aac', '-b:a', '128k', '-movflags', '+faststart', `${side}p.mp4`,
  ]);
  const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', source, '-filter_complex',
                                 graph, ...maps], { cwd: folder, stdio: 'ignore' });
  const peak = watch_peak(() => [child.pid]);
  const code = await new Promise((resolve, reject) => {
    child.on('close', resolve);
    child.on('error', reject);
  });
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`);
  remove_folder(folder);
  return peak.stop();
}

async function measure_load(server, source) {
  progress('start: memory under a ladder');
  const file = await server.client.upload(fs.readFileSync(source.path), 'source.mp4');
  const children = watch_peak(() => media_children_of(server.pid));
  const outputs = sides.map((side) => ({
    name: `${side}p`, type: 'video', video: { short_side: side, preset: 'veryfast', crf: 23 },
  }));
  await server.client.done({ input: file.input, outputs });
  await quiet(server);
  const child = children.stop();
  const rows = [['server', mib(memory_of(server.pid).peak)], ['media child', mib(child)]];
  if (!lacks_ffmpeg) {
    const theirs = await ffmpeg_peak(source.path);
    rows.push(['one ffmpeg command', mib(theirs)],
              ['media child ÷ ffmpeg', (child / theirs).toFixed(2)]);
  }
  return table([`under a ladder of ${source.name}`, 'peak, MiB'], rows);
}

export async function run(given) {
  const options = with_defaults(given, { rounds: 5, tasks: 1_000_000 }, { rounds: 1, tasks: 2000 });
  const started = await measure_start(options);
  const source = options.source ? given_source(options.source) : clip_1080p();
  const flags = ['--log-level', 'warning', '--worker-warm', `${warm}ms`];
  const server = await Server.start({ flags });
  try {
    const rest = await measure_rest(server);
    const load = await measure_load(server, source);
    return `## Start and memory\n\n${options.rounds} rounds.\n\n${started}\n${rest}\n${load}`;
  } finally {
    await server.close();
  }
}

await main(import.meta.url, usage, run);
