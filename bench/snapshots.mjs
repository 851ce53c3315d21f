// Cover snapshots (JPEG, 640 wide) from a file that is there already: tasks of the engine against a
// fresh ffmpeg for each, in turn. At 0.2 s there is little to decode; 3 s is the last picture before
// a keyframe of both clips, so that nearly everything is decoding.
import fs from 'node:fs';
import { jpeg_size } from '../tests/integration/support/media.mjs';
import { Server } from '../tests/integration/support/server.mjs';
import { remove_folder, temp_folder } from '../tests/integration/support/suite.mjs';
import { difference, engine_cpu, progress, quiet, ratios, spread, timed } from
  './support/measure.mjs';
import { cores, main, table, with_defaults } from './support/report.mjs';
import { clip_1080p, clip_720p, given, lacks_ffmpeg } from './support/sources.mjs';

const usage = 'snapshots.mjs [--rounds N] [--count N] [--source FILE] [--quick]';

const moments = [0.2, 3];  // s
const cover_at = (at) => [{ name: 'cover', type: 'cover', at, width: 640, quality: 85 }];
// What the engine's quality 85 means to the same encoder.
const ffmpeg_quality = ['-q:v', '2'];

/// `count` tasks, `waiting` of them in flight: {wall, cpu, picture, server, …}.
async function through_engine(server, input, at, count, waiting) {
  const outputs = cover_at(at);
  const before = engine_cpu(server);
  const start = performance.now();
  let begun = 0;
  let last = null;
  const client = async () => {
    while (begun++ < count) last = await server.client.done({ input, outputs });
  };
  await Promise.all(Array.from({ length: waiting }, client));
  const wall = (performance.now() - start) / 1000;
  await quiet(server);
  const cpu = difference(engine_cpu(server), before);
  const picture = await server.client.raw('GET', last.outputs[0].url);
  return { ...cpu, wall, cpu: cpu.all, picture: picture.body };
}

/// As many at once as there are cores.
async function through_ffmpeg(source, at, count) {
  const folder = temp_folder('snapshots');
  const script = 'n=$1; jobs=$2; shift 2; seq "$n" | xargs -P "$jobs" -I{} "$@" {}.jpg';
  const ffmpeg = ['ffmpeg', '-nostdin', '-v', 'error', '-y', '-ss', String(at), '-i', source,
                  '-frames:v', '1', '-vf', 'scale=640:-2', ...ffmpeg_quality];
  const took = await timed('bash', ['-c', script, 'bash', String(count), String(cores), ...ffmpeg],
                           { cwd: folder });
  const picture = fs.readFileSync(`${folder}/1.jpg`);
  if (fs.readdirSync(folder).length !== count) throw new Error('ffmpeg did not make them all');
  remove_folder(folder);
  return { ...took, picture };
}

async function measure(server, source, at, options) {
  const file = await server.client.upload(fs.readFileSync(source.path), 'source.mp4');
  const waiting = 2 * cores;
  await through_engine(server, file.input, at, waiting, waiting);
  const ours = [];
  const theirs = [];
  for (let round = 1; round <= options.rounds; round++) {
    progress(`snapshots: ${source.name} at ${at} s, round ${round} of ${options.rounds}`);
    ours.push(await through_engine(server, file.input, at, options.count, waiting));
    theirs.push(await through_ffmpeg(source.path, at, options.count));
  }
  const rates = (series) => series.map((each) => options.count / each.wall);
  const costs = (series) => series.map((each) => (each.cpu / options.count) * 1000);
  const size = ({ picture }) => {
    const { width, height } = jpeg_size(picture);
    return `${width}×${height}, ${(picture.length / 1000).toFixed(1)} kB`;
  };
  const place = `${source.name} at ${at} s`;
  const row = (name, series) => [place, name, spread(rates(series), 1),
                                 spread(costs(series), 1), size(series[0])];
  const own = (ours.reduce((sum, { server: a, zygote: b, all }) => sum + (a + b) / all, 0) /
               ours.length) * 100;
  const faster = spread(ratios(rates(ours), rates(theirs)));
  const cheaper = spread(ratios(costs(theirs), costs(ours)));
  return [
    row('engine', ours),
    row('ffmpeg each time', theirs),
    [place, '**engine is better by**', `**${faster}**`, `**${cheaper}**`,
     `server and zygote: ${own.toFixed(1)} % of the CPU`],
  ];
}

export async function run(given_options) {
  const options = with_defaults(given_options, { rounds: 5, count: 100 }, { rounds: 1, count: 8 });
  if (lacks_ffmpeg) return `## Snapshots\n\nSKIPPED: ${lacks_ffmpeg}\n`;
  const sources = options.source ? [given(options.source)] : [clip_720p(), clip_1080p()];
  const server = await Server.start({ flags: ['--log-level', 'warning'] });
  try {
    const rows = [];
    for (const source of sources) {
      for (const at of moments) rows.push(...(await measure(server, source, at, options)));
    }
    return `## Snapshots: JPEG, 640 wide\n\n${options.count} a round, ` +
      `${options.rounds} rounds; ${2 * cores} tasks in flight, ${cores} ffmpeg at once.\n\n` +
      table(['source', '', 'per second', 'CPU each, ms', 'picture'], rows);
  } finally {
    await server.close();
  }
}

await main(import.meta.url, usage, run);
