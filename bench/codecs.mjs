// Each video codec at three presets: the engine against the ffmpeg command with the same settings
// of the same encoder.
import fs from 'node:fs';
import path from 'node:path';
import { Server } from '../tests/integration/support/server.mjs';
import { remove_folder, temp_folder } from '../tests/integration/support/suite.mjs';
import { download, psnr, through_engine, through_ffmpeg } from './support/encodes.mjs';
import { progress, ratios, spread } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { clip_720p, given, lacks_ffmpeg } from './support/sources.mjs';

const usage = 'codecs.mjs [--rounds N] [--source FILE] [--quick]';
const side = 360;
const gop = 2; // s

// What the engine makes of a preset's name where the encoder has none.
const svt = { ultrafast: 12, veryfast: 10, medium: 7 };
const vpx = { ultrafast: ['realtime', 8], veryfast: ['realtime', 7], medium: ['good', 4] };
const codecs = {
  h264: { crf: 23, command: (preset) => ['libx264', '-preset', preset] },
  h265: { crf: 28, command: (preset, frames) => ['libx265', '-preset', preset, '-x265-params',
    `log-level=none:open-gop=0:keyint=${frames}`] },
  av1: { crf: 35, command: (preset) => ['libsvtav1', '-preset', svt[preset], '-svtav1-params',
    'scd=1'] },
  vp9: { crf: 32, container: 'webm', command: (preset) => {
    const [deadline, speed] = vpx[preset];
    const patient = deadline === 'good' ? ['-auto-alt-ref', 1, '-lag-in-frames', 25] : [];
    return ['libvpx-vp9', '-deadline', deadline, '-cpu-used', speed, '-row-mt', 1, '-b:v', 0,
            ...patient];
  } },
};

async function compare(server, source, input, { codec, preset, rounds, folder }) {
  const { crf, container = 'mp4', command } = codecs[codec];
  const body = { input, outputs: [{ name: 'v', type: 'video', container, audio: false,
    video: { codec, preset, crf, gop, scene_cuts: true, short_side: side } }] };
  const series = { engine: [], ffmpeg: [] };
  const theirs = path.join(folder, `theirs.${container}`);
  let size;
  for (let round = 1; round <= rounds; round++) {
    progress(`codecs: ${codec} ${preset}, round ${round} of ${rounds}`);
    const made = await through_engine(server, body);
    series.engine.push(made);
    const facts = made.task.outputs[0].facts.video[0];
    size = { width: facts.width, height: facts.height };
    const [num, den] = made.task.source.video[0].frame_rate.split('/').map(Number);
    const frames = Math.round((gop * num) / den);
    const [encoder, ...settings] = command(preset, frames).map(String);
    series.ffmpeg.push(await through_ffmpeg([['-i', source.path, '-map', '0:v:0', '-an', '-vf',
      `scale=${size.width}:${size.height}:flags=bicubic`, '-fps_mode', 'vfr', '-c:v', encoder,
      ...settings, '-crf', String(crf), '-g', String(frames), '-pix_fmt', 'yuv420p', theirs]],
      folder));
  }
  const ours = path.join(folder, `ours.${container}`);
  await download(server, series.engine.at(-1).task.outputs[0], ours);
  const quality = [await psnr(ours, source.path, size), await psnr(theirs, source.path, size)];
  const of = (name, what) => series[name].map((each) => each[what]);
  return [`${codec}, ${preset}`, spread(of('engine', 'cpu')),
          spread(ratios(of('engine', 'cpu'), of('ffmpeg', 'cpu'))),
          spread(ratios(of('engine', 'wall'), of('ffmpeg', 'wall'))),
          (quality[0].average - quality[1].average).toFixed(2),
          (fs.statSync(ours).size / fs.statSync(theirs).size).toFixed(3)];
}

export async function run(given_options) {
  const options = with_defaults(given_options, { rounds: 3 }, { rounds: 1 });
  if (lacks_ffmpeg) return `## Codecs\n\nSKIPPED: ${lacks_ffmpeg}\n`;
  const source = options.source ? given(options.source) : clip_720p();
  const presets = options.quick ? ['ultrafast'] : ['ultrafast', 'veryfast', 'medium'];
  const folder = temp_folder('codecs');
  const server = await Server.start({ flags: ['--log-level', 'warning'] });
  try {
    const { input } = await server.client.upload(fs.createReadStream(source.path), 'source.mp4');
    const rows = [];
    for (const codec of Object.keys(codecs)) {
      for (const preset of presets) {
        rows.push(await compare(server, source, input,
                                { codec, preset, rounds: options.rounds, folder }));
      }
    }
    return `## Codecs: ${source.name} to ${side}p at constant quality\n\n${options.rounds} rounds.\n\n` +
      table(['', 'engine, CPU s', 'engine ÷ ffmpeg, CPU', 'wall', 'PSNR, dB', 'size ratio'], rows);
  } finally {
    await server.close();
    remove_folder(folder);
  }
}

await main(import.meta.url, usage, run);
