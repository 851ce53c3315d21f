// An analysis of the profile "fast" (shots, black, freeze, crop, scan, silence, loudness, quality)
// against ffmpeg doing the nearest to it in one command, and against ffmpeg only decoding.
import fs from 'node:fs';
import { call } from '../tests/integration/support/http.mjs';
import { Server } from '../tests/integration/support/server.mjs';
import { difference, engine_cpu, progress, quiet, ratios, spread, timed } from
  './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { clip_720p, given, lacks_ffmpeg, long_1080p } from './support/sources.mjs';

const usage = 'analysis.mjs [--rounds N] [--seconds N] [--source FILE] [--quick]';

/// {wall, cpu, duration, parts}: one task from submit to done, and what the report says.
async function through_engine(server, input) {
  const before = engine_cpu(server);
  const start = performance.now();
  const task = await server.client.done({ kind: 'analyse', input, options: { profile: 'fast' } });
  const wall = (performance.now() - start) / 1000;
  await quiet(server);
  const report = (await call('GET', task.outputs[0].url)).json();
  const done = report.analyses.filter(({ status }) => status === 'done');
  return { wall, cpu: difference(engine_cpu(server), before).all, duration: report.media.duration,
           parts: Object.fromEntries(done.map(({ name, elapsed }) => [name, elapsed])) };
}

// The same filters, with one thread, as the engine's child has.
const threads = ['-threads', '1', '-filter_threads', '1', '-filter_complex_threads', '1'];
const filters = '[0:v]split=3[a][b][c];' +
  '[a]scale=640:-2:flags=fast_bilinear,scdet,blackdetect,freezedetect[x];' +
  "[b]select='lt(n,600)',idet[y];" +
  "[c]select='isnan(prev_selected_t)+gte(t-prev_selected_t,1)',cropdetect,scale=640:-2," +
  'blurdetect,blockdetect,signalstats[z]';

async function through_ffmpeg(source, analyses) {
  const base = ['-nostdin', '-v', 'error', ...threads, '-i', source];
  const out = (label) => ['-map', label, '-f', 'null', '-'];
  const args = analyses
    ? [...base, '-filter_complex', filters, ...['[x]', '[y]', '[z]'].flatMap(out), '-map', '0:a:0?',
       '-af', 'silencedetect,ebur128=peak=true', '-f', 'null', '-']
    : [...base, '-map', '0:v:0', '-map', '0:a:0?', '-f', 'null', '-'];
  return timed('ffmpeg', args);
}

async function measure(server, source, rounds) {
  const { input } = await server.client.upload(fs.readFileSync(source.path), 'source.mp4');
  await through_engine(server, input);
  const ours = [];
  const theirs = [];
  const decoding = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`analysis: ${source.name}, round ${round} of ${rounds}`);
    ours.push(await through_engine(server, input));
    if (lacks_ffmpeg) continue;
    theirs.push(await through_ffmpeg(source.path, true));
    decoding.push(await through_ffmpeg(source.path, false));
  }
  const { duration } = ours[0];
  const pick = (series, key) => series.map((each) => each[key]);
  const row = (name, series) => [source.name, name, spread(pick(series, 'wall')),
                                 spread(pick(series, 'cpu')),
                                 spread(series.map(({ wall }) => duration / wall), 1),
                                 spread(series.map(({ cpu }) => duration / cpu), 1)];
  const rows = [row('engine', ours)];
  if (!lacks_ffmpeg) {
    rows.push(row('ffmpeg, the same filters', theirs), row('ffmpeg, only decoding', decoding));
    rows.push([source.name, '**ffmpeg ÷ engine**',
               `**${spread(ratios(pick(theirs, 'wall'), pick(ours, 'wall')))}**`,
               `**${spread(ratios(pick(theirs, 'cpu'), pick(ours, 'cpu')))}**`, '', '']);
  }
  const parts = Object.keys(ours[0].parts).map((name) =>
    [source.name, name, spread(ours.map((each) => (each.parts[name] / duration) * 1000), 1)]);
  return { rows, parts };
}

export async function run(given_options) {
  const options = with_defaults(given_options, { rounds: 5, seconds: 60 },
                                { rounds: 1, seconds: 12 });
  const sources = options.source ? [given(options.source)]
    : [clip_720p(), lacks_ffmpeg ? long_1080p(12) : long_1080p(options.seconds)];
  const server = await Server.start({ flags: ['--log-level', 'warning'] });
  try {
    const rows = [];
    const parts = [];
    for (const source of sources) {
      const measured = await measure(server, source, options.rounds);
      rows.push(...measured.rows);
      parts.push(...measured.parts);
    }
    return `## Analysis, profile "fast"\n\n${options.rounds} rounds; each analysis has one core.\n` +
      (lacks_ffmpeg ? `\nSKIPPED: comparison: ${lacks_ffmpeg}\n` : '') + '\n' +
      table(['source', '', 'wall, s', 'CPU, s', '× real time', '× real time of one core'], rows) +
      '\nWhat each costs without the decoding, as the report says:\n\n' +
      table(['source', 'analysis', 'ms of a core for a second'], parts);
  } finally {
    await server.close();
  }
}

await main(import.meta.url, usage, run);
