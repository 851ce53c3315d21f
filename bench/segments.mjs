// 1080p encoded in segments against the same in one pass: CPU, time and size.
import fs from 'node:fs';
import { Server } from '../tests/integration/support/server.mjs';
import { through_engine } from './support/encodes.mjs';
import { progress, ratios, spread } from './support/measure.mjs';
import { main, table, with_defaults } from './support/report.mjs';
import { given, long_1080p } from './support/sources.mjs';

const usage = 'segments.mjs [--rounds N] [--seconds N of source] [--source FILE] [--quick]';
const segment = 30; // s; the usual length
const outputs = [
  { name: 'quality', type: 'video', video: { short_side: 720 }, audio: {} },
  { name: 'rate', type: 'video', video: { short_side: 360, bitrate: 600_000 }, audio: {} },
];

async function encode(server, input) {
  const made = await through_engine(server, { input, outputs });
  const [quality, rate] = made.task.outputs.map((output) => output.files[0].size);
  return { ...made, quality, rate };
}

export async function run(given_options) {
  const options = with_defaults(given_options, { rounds: 3, seconds: 120 },
                                { rounds: 1, seconds: 60 });
  const source = options.source ? given(options.source) : long_1080p(options.seconds);
  const whole = await Server.start({ flags: ['--worker-segment', '0'] });
  const cut = await Server.start({ flags: ['--worker-segment', `${segment}s`] });
  try {
    const inputs = [];
    for (const server of [whole, cut]) {
      inputs.push((await server.client.upload(fs.createReadStream(source.path), 'source.mp4')).input);
    }
    const series = { whole: [], cut: [] };
    for (let round = 1; round <= options.rounds; round++) {
      progress(`segments: round ${round} of ${options.rounds}`);
      series.whole.push(await encode(whole, inputs[0]));
      series.cut.push(await encode(cut, inputs[1]));
    }
    const ratio = (what) => spread(ratios(series.cut.map((r) => r[what]),
                                          series.whole.map((r) => r[what])));
    return `## Segments\n\n${source.name}, 720p by quality and 360p by bit rate, segments of about ${segment} s ` +
      `(${series.cut[0].task.attempts} units), ${options.rounds} rounds.\n\n` +
      table(['', 'segments ÷ one pass'],
            [['CPU', ratio('cpu')], ['time', ratio('wall')], ['size, constant quality', ratio('quality')],
             ['size, bit rate', ratio('rate')]]);
  } finally {
    await whole.close();
    await cut.close();
  }
}

await main(import.meta.url, usage, run);
