// One task that makes three renditions, ten snapshots, a sprite sheet and a cover out of 1080p,
// against the ffmpeg commands that make them one after the other.
import fs from 'node:fs';
import path from 'node:path';
import { Server } from '../tests/integration/support/server.mjs';
import { remove_folder, temp_folder } from '../tests/integration/support/suite.mjs';
import { through_engine, through_ffmpeg } from './support/encodes.mjs';
import { progress, ratios, spread } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { given, lacks_ffmpeg, long_1080p } from './support/sources.mjs';

const usage = 'procedure.mjs [--rounds N] [--seconds N of source] [--source FILE] [--quick]';
const sides = [720, 480, 360];
const gop = 10; // s
const tile_every = 2; // s
const outputs = [
  ...sides.map((side) => ({ name: `${side}p`, type: 'video', audio: { bitrate: 128_000 },
    video: { short_side: side, preset: 'veryfast', crf: 23, gop, scene_cuts: true } })),
  { name: 'shots', type: 'snapshots', every_percent: 10, short_side: 360 },
  { name: 'sheet', type: 'sprites', every: tile_every, width: 160, height: 90 },
  { name: 'cover', type: 'cover', short_side: 720 },
];

function commands(source, task) {
  const { duration, video: [{ frame_rate: rate }] } = task.source;
  const [num, den] = rate.split('/').map(Number);
  const input = ['-i', source];
  const still = (at, height, name) => ['-ss', String(at), ...input, '-frames:v', '1', '-vf',
                                       `scale=-2:${height}`, '-q:v', '2', name];
  const encodes = task.outputs.slice(0, sides.length).map(({ name, facts }) => [
    ...input, '-map', '0:v:0', '-map', '0:a:0?', '-vf',
    `scale=${facts.video[0].width}:${facts.video[0].height}:flags=bicubic`, '-fps_mode', 'vfr',
    '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '23', '-g', String(Math.round(gop * num / den)),
    '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '128k', '-movflags', '+faststart', `${name}.mp4`]);
  const shots = Array.from({ length: 10 }, (_, i) => still(duration * i / 10, 360, `shot-${i}.jpg`));
  const sheet = [...input, '-vf', `fps=1/${tile_every},scale=160:90,tile=10x10`, '-q:v', '2',
                 'sheet-%d.jpg'];
  return [...encodes, ...shots, sheet, still(duration / 10, 720, 'cover.jpg')];
}

export async function run(given_options) {
  const options = with_defaults(given_options, { rounds: 3, seconds: 36 },
                                { rounds: 1, seconds: 12 });
  if (lacks_ffmpeg) return `## Procedure\n\nSKIPPED: ${lacks_ffmpeg}\n`;
  const source = options.source ? given(options.source) : long_1080p(options.seconds);
  const folder = temp_folder('procedure');
  const server = await Server.start({ flags: ['--log-level', 'warning', '--worker-segment', '0'] });
  try {
    const { input } = await server.client.upload(fs.createReadStream(source.path), 'source.mp4');
    const series = { engine: [], ffmpeg: [] };
    for (let round = 1; round <= options.rounds; round++) {
      progress(`procedure: round ${round} of ${options.rounds}`);
      series.engine.push(await through_engine(server, { input, outputs }));
      const list = commands(source.path, series.engine.at(-1).task);
      series.ffmpeg.push(await through_ffmpeg(list, path.join(folder, 'theirs')));
    }
    const of = (name, what) => series[name].map((each) => each[what]);
    const row = (text, name) => [text, spread(of(name, 'cpu')), spread(of(name, 'wall'))];
    const ratio = (what) => `**${spread(ratios(of('engine', what), of('ffmpeg', what)))}**`;
    return `## Procedure: ${source.name}\n\n${options.rounds} rounds.\n\n` +
      table(['', 'CPU, s', 'wall, s'],
            [row('engine, one task', 'engine'), row('fifteen ffmpeg commands', 'ffmpeg'),
             ['**engine ÷ ffmpeg**', ratio('cpu'), ratio('wall')]]);
  } finally {
    await server.close();
    remove_folder(folder);
  }
}

await main(import.meta.url, usage, run);
