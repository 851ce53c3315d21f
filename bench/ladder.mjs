// A 1080p source into 720p, 480p and 360p, H.264 + AAC in MP4: the engine, one ffmpeg command that
// decodes once, and three commands, in turn. Then what a task costs beside its encoding.
import fs from 'node:fs';
import path from 'node:path';
import { ffprobe } from '../tests/integration/support/media.mjs';
import { Server } from '../tests/integration/support/server.mjs';
import { temp_folder } from '../tests/integration/support/suite.mjs';
import { download, psnr, through_engine, through_ffmpeg } from './support/encodes.mjs';
import { difference, engine_cpu, median, progress, quantile, ratios, spread, timed } from
  './support/measure.mjs';
import { cores, main, table, with_defaults } from './support/report.mjs';
import { given, lacks_ffmpeg, long_1080p, tiny_clip } from './support/sources.mjs';

const usage = `ladder.mjs [--rounds N] [--seconds N of source] [--source FILE] [--count tiny tasks]
           [--quick]`;
const sides = [720, 480, 360];
const gop = 10; // s; the engine's usual distance of keyframes in files
const outputs = sides.map((side) => ({
  name: `${side}p`,
  type: 'video',
  video: { short_side: side, codec: 'h264', preset: 'veryfast', crf: 23, gop, scene_cuts: true },
  audio: { codec: 'aac', bitrate: 128_000 },
}));

// --- the same by ffmpeg ---

// By itself ffmpeg fills the time before a late first picture with copies of it; `vfr` gives both
// sides the same frames.
const encoder = (side, frames) => [
  '-fps_mode', 'vfr',
  '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '23', '-g', String(frames), '-pix_fmt',
  'yuv420p', '-c:a', 'aac', '-b:a', '128k', '-movflags', '+faststart', `${side}p.mp4`,
];
const scale = ({ width, height }) => `scale=${width}:${height}:flags=bicubic`;

function one_command(source, sizes, frames, extra = []) {
  const pads = sizes.map((_, i) => `[s${i}]`).join('');
  const branches = sizes.map((size, i) => `[s${i}]${scale(size)}[v${i}]`);
  const graph = [`[0:v:0]split=${sizes.length}${pads}`, ...branches].join(';');
  const maps = sizes.flatMap((_, i) => ['-map', `[v${i}]`, '-map', '0:a:0?', ...extra,
                                        ...encoder(sides[i], frames)]);
  return [['-i', source, '-filter_complex', graph, ...maps]];
}

function three_commands(source, sizes, frames) {
  return sizes.map((size, i) => ['-i', source, '-map', '0:v:0', '-map', '0:a:0?', '-vf',
                                 scale(size), ...encoder(sides[i], frames)]);
}

async function facts_of_file(file, source, size) {
  const facts = await ffprobe(file, { count: true });
  return {
    ...(await psnr(file, source, size)),
    frames: Number(facts.video.nb_read_frames),
    size: fs.statSync(file).size,
  };
}

async function quality_table(folders, source, sizes) {
  const rows = [];
  for (const [i, side] of sides.entries()) {
    progress(`ladder: quality of ${side}p`);
    const name = `${side}p.mp4`;
    const ours = await facts_of_file(path.join(folders.engine, name), source, sizes[i]);
    const theirs = await facts_of_file(path.join(folders.one, name), source, sizes[i]);
    const pair = (key, digits) => `${ours[key].toFixed(digits)} / ${theirs[key].toFixed(digits)}`;
    rows.push([`${sizes[i].width}×${sizes[i].height}`, pair('frames', 0), pair('average', 2),
               (ours.average - theirs.average).toFixed(3), (ours.y - theirs.y).toFixed(3),
               (ours.size / theirs.size).toFixed(4)]);
  }
  return table(['engine / one command', 'frames', 'PSNR, dB', 'difference', 'of luma alone',
                'size ratio'], rows);
}

// --- the ladder ---

async function measure_ladder(server, source, options) {
  const bytes = fs.statSync(source.path).size;
  const before = engine_cpu(server);
  const file = await server.client.upload(fs.createReadStream(source.path), 'source.mp4',
                                          { headers: { 'Content-Length': bytes } });
  const upload = difference(engine_cpu(server), before).all;
  const body = { input: file.input, outputs };

  progress('ladder: a first run of the engine, which also tells the sizes');
  const first = await through_engine(server, body);
  const sizes = first.task.outputs.map(({ facts }) => facts.video[0]);
  const [num, den] = first.task.source.video[0].frame_rate.split('/').map(Number);
  const frames = Math.round((gop * num) / den);
  const scratch = temp_folder('ladder');
  const folders = Object.fromEntries(['engine', 'one', 'single', 'three']
    .map((name) => [name, path.join(scratch, name)]));
  fs.mkdirSync(folders.engine);
  for (const output of first.task.outputs) {
    await download(server, output, path.join(folders.engine, `${output.name}.mp4`));
  }

  const rounds = { engine: [], one: [], single: [], three: [] };
  for (let round = 1; round <= options.rounds; round++) {
    progress(`ladder: round ${round} of ${options.rounds}`);
    const ours = await through_engine(server, body);
    rounds.engine.push(ours);
    rounds.one.push(await through_ffmpeg(one_command(source.path, sizes, frames), folders.one));
    rounds.three.push(await through_ffmpeg(three_commands(source.path, sizes, frames),
                                           folders.three));
    rounds.single.push(await through_ffmpeg(
      one_command(source.path, sizes, frames, ['-threads:v', '1']), folders.single));
  }

  const names = {
    engine: 'engine',
    one: 'one ffmpeg command',
    three: 'three ffmpeg commands',
    single: 'one command, one thread an encoder, as the engine',
  };
  const column = (name, key) => rounds[name].map((each) => each[key]);
  const rows = Object.keys(names).map((name) => [
    names[name],
    spread(column(name, 'cpu')),
    spread(column(name, 'wall')),
    name === 'engine' ? '' : spread(ratios(column('engine', 'cpu'), column(name, 'cpu')), 3),
    name === 'engine' ? '' : spread(ratios(column('engine', 'wall'), column(name, 'wall')), 3),
  ]);
  const seconds = first.task.source.duration;
  const server_share = median(rounds.engine.map((each) => (each.server + each.zygote) / each.cpu));
  return `Source: ${source.name}, ${seconds.toFixed(1)} s, ${options.rounds} rounds.\n\n` +
    table(['', 'CPU, s', 'wall, s', 'engine ÷ it, CPU', 'engine ÷ it, wall'], rows) +
    `\nOf the engine's CPU ${(server_share * 100).toFixed(2)} % are the server's and zygote's ` +
    `own; the upload of ${(bytes / 1e6).toFixed(1)} MB, made once, took ` +
    `${upload.toFixed(2)} s of CPU and is not in the table.\n\n` +
    (await quality_table(folders, source.path, sizes));
}

// --- what a task costs beside its encoding ---

/// Tasks one after the other on 0.2 s of video, so that waiting and overhead show.
async function measure_overhead(server, count) {
  const tiny = tiny_clip();
  const file = await server.client.upload(tiny.bytes, 'tiny.avi');
  const folder = temp_folder('tiny');
  const small = [{ name: 'tiny', type: 'video', video: { preset: 'veryfast', crf: 23 } }];
  const bodies = {
    transcode: { input: file.input, outputs: small },
    probe: { kind: 'probe', input: file.input },
  };
  await through_engine(server, bodies.transcode);
  const series = { transcode: [], probe: [], ffmpeg: [], ffprobe: [] };
  const ffmpeg = ['-nostdin', '-v', 'error', '-y', '-i', tiny.path, '-c:v', 'libx264', '-preset',
                  'veryfast', '-crf', '23', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '128k',
                  '-movflags', '+faststart', 'tiny.mp4'];
  for (let i = 0; i < count; i++) {
    for (const name of ['transcode', 'probe']) {
      const took = await through_engine(server, bodies[name]);
      const at = (key) => Date.parse(took.task[key]);
      series[name].push({ ...took, queued: at('started') - at('created') });
    }
    series.ffmpeg.push(await timed('ffmpeg', ffmpeg, { cwd: folder }));
    series.ffprobe.push(await timed('ffprobe', ['-v', 'error', '-show_format', '-show_streams',
                                                tiny.path]));
  }
  // CPU of a single task is below the clock's hundredths: the mean over all of them.
  const mean = (name, key) => series[name].reduce((sum, each) => sum + each[key], 0) / count * 1000;
  const walls = (name) => series[name].map((each) => each.wall * 1000);
  const row = (text, name, engine) => [
    text, spread(walls(name), 1), quantile(walls(name), 0.95).toFixed(1),
    mean(name, engine ? 'media' : 'cpu').toFixed(1),
    engine ? (mean(name, 'server') + mean(name, 'zygote')).toFixed(1) : '–',
    engine ? spread(series[name].map((each) => each.queued), 0) : '–',
  ];
  const wall = median(walls('transcode'));
  const encode = mean('transcode', 'media');
  return `${count} of each, one after the other, 320×240, 0.2 s with sound, in ms.\n\n` +
    table(['', 'submit → done', '95th percentile', "child's CPU", "server's and zygote's CPU",
           'created → started'],
          [row('transcode task', 'transcode', true), row('probe task', 'probe', true),
           row('ffmpeg command', 'ffmpeg', false), row('ffprobe command', 'ffprobe', false)]) +
    `\nOverhead of a task, submit → done less the encoding: ${(wall - encode).toFixed(1)} ms if ` +
    `the child did one thing at a time, ${(wall - encode / cores).toFixed(1)} ms if it kept all ` +
    `${cores} cores busy; the truth lies between. A probe task, which has all of it but the ` +
    `publishing of outputs, takes ${median(walls('probe')).toFixed(1)} ms with the probing.\n`;
}

export async function run(given_options) {
  const options = with_defaults(given_options, { rounds: 5, seconds: 36, count: 40 },
                                { rounds: 1, seconds: 12, count: 3 });
  if (lacks_ffmpeg) return `## Ladder\n\nSKIPPED: ${lacks_ffmpeg}\n`;
  const source = options.source ? given(options.source) : long_1080p(options.seconds);
  const server = await Server.start({ flags: ['--log-level', 'warning'] });
  try {
    const ladder = await measure_ladder(server, source, options);
    const overhead = await measure_overhead(server, options.count);
    return `## Ladder: 1080p to 720p, 480p and 360p\n\n${ladder}\n` +
      `### Overhead of a task\n\n${overhead}`;
  } finally {
    await server.close();
  }
}

await main(import.meta.url, usage, run);
