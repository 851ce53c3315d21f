// A minute out of a ten-minute source of 720p, exact to the picture: a part of a copied stream
// against ffmpeg, which has to encode all of it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ffprobe } from '../tests/integration/support/media.mjs';
import { Server } from '../tests/integration/support/server.mjs';
import { remove_folder, temp_folder } from '../tests/integration/support/suite.mjs';
import { through_engine, through_ffmpeg } from './support/encodes.mjs';
import { progress, ratios, spread } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { clip_720p, given, lacks_ffmpeg } from './support/sources.mjs';

const usage = 'smart_clip.mjs [--rounds N] [--seconds N of source] [--source FILE] [--quick]';

const gop = 2;       // s between keyframes of the source, as ladders have it
const length = 60;   // s
const presets = ['medium', 'veryfast'];

/// The clip as often in a row as `seconds` take, with keyframes 2 s apart.
function long_720p(seconds) {
  const one = clip_720p();
  const folder = temp_folder('clips');
  const ffmpeg = (...args) => {
    const ran = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`ffmpeg ${args.join(' ')}: ${ran.stderr}`);
  };
  const short = path.join(folder, 'short.mp4');
  const file = path.join(folder, 'long.mp4');
  ffmpeg('-i', one.path, '-f', 'lavfi', '-i', 'sine=440:r=48000', '-map', '0:v:0', '-map', '1:a:0',
         '-shortest', '-c:v', 'libx264', '-preset', 'veryfast', '-force_key_frames',
         `expr:gte(t,n_forced*${gop})`, '-pix_fmt', 'yuv420p', '-c:a', 'aac', short);
  ffmpeg('-stream_loop', '-1', '-t', String(seconds), '-i', short, '-c', 'copy', file);
  return { path: file, name: `${one.name}, ${seconds} s of it` };
}

const frames_of = (made) => made.task.outputs[0].facts.video[0].frames;

async function encoded(source, start, preset) {
  const folder = temp_folder('smart-clip');
  const took = await through_ffmpeg([['-ss', String(start), '-i', source.path, '-t',
    String(length), '-c:v', 'libx264', '-preset', preset, '-c:a', 'copy', '-movflags',
    '+faststart', 'v.mp4']], folder);
  const { video } = await ffprobe(path.join(folder, 'v.mp4'));
  remove_folder(folder);
  return { ...took, frames: Number(video.nb_frames) };
}

export async function run(given_options) {
  const options = with_defaults(given_options, { rounds: 3, seconds: 600 },
                                { rounds: 1, seconds: 90 });
  if (lacks_ffmpeg) return `## Smart clip\n\nSKIPPED: ${lacks_ffmpeg}\n`;
  const source = options.source ? given(options.source) : long_720p(options.seconds);
  const start = Math.max(0, Math.floor(options.seconds / 2) - length / 2) + 0.7;  // within a group
  const server = await Server.start({ flags: ['--log-level', 'warning'] });
  try {
    const { input } = await server.client.upload(fs.createReadStream(source.path), 'source.mp4');
    const body = { input, outputs: [{ name: 'v', type: 'video', video: { codec: 'copy' },
                                      audio: { codec: 'copy' }, start, end: start + length }] };
    await through_engine(server, body);
    const ours = [];
    const theirs = new Map(presets.map((preset) => [preset, []]));
    for (let round = 1; round <= options.rounds; round++) {
      progress(`smart clip: round ${round} of ${options.rounds}`);
      const made = await through_engine(server, body);
      ours.push({ ...made, frames: frames_of(made) });
      for (const preset of presets) theirs.get(preset).push(await encoded(source, start, preset));
    }
    const of = (series, what) => series.map((each) => each[what]);
    const row = (name, series) => [name, spread(of(series, 'wall')), spread(of(series, 'cpu')),
                                   String(series[0].frames)];
    const rows = [row('engine, copied between the cuts', ours)];
    for (const [preset, series] of theirs) {
      rows.push(row(`ffmpeg, encoded (${preset})`, series));
      rows.push([`**engine is better by**`, `**${spread(ratios(of(series, 'wall'), of(ours, 'wall')))}**`,
                 `**${spread(ratios(of(series, 'cpu'), of(ours, 'cpu')))}**`, '']);
    }
    return `## Smart clip: ${length} s from ${start} s on of ${source.name}\n\n` +
      `${options.rounds} rounds. Keyframes of the source are ${gop} s apart.\n\n` +
      table(['', 'wall, s', 'CPU, s', 'pictures'], rows);
  } finally {
    await server.close();
  }
}

await main(import.meta.url, usage, run);
