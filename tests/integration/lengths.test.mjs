// How long transport streams are whose clocks leap: too large to be read for it, so that the leaps
// have to be searched for.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { forged, lacks_tools } from './support/media.mjs';
import { with_programs } from './support/programs.mjs';
import { run } from './support/server.mjs';
import { check_if, remove_folder, temp_folder } from './support/suite.mjs';
import { near } from './support/transcodes.mjs';

const tone = (seconds) => ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];

/// A stream of about 1 MB a second, whose clock begins at `at`.
const busy = (seconds, at, { sound = seconds, more = [] } = {}) =>
  forged(['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=25:duration=${seconds},noise=alls=40:allf=t`,
          ...(sound > 0 ? tone(sound) : []), '-c:v', 'mpeg2video', '-b:v', '8M', '-minrate', '8M',
          '-maxrate', '8M', '-bufsize', '4M', '-g', '12', '-c:a', 'mp2', '-output_ts_offset',
          String(at), ...more], 'ts');

/// The same picture all the time: some kB a second.
const still = (seconds, at) =>
  forged(['-f', 'lavfi', '-i', `color=gray:size=640x360:rate=25:duration=${seconds}`, '-c:v',
          'mpeg2video', '-g', '250', '-qscale:v', '8', '-output_ts_offset', String(at)], 'ts');

async function length_of(file) {
  const { code, stdout, stderr } = await run(['probe', file, '--json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).duration;
}

async function joined_length(files) {
  const folder = temp_folder('lengths');
  try {
    const file = path.join(folder, 'joined.ts');
    fs.writeFileSync(file, Buffer.concat(files.map((one) => fs.readFileSync(one))));
    assert.ok(fs.statSync(file).size > 8 << 20, 'it is large');
    return await length_of(file);
  } finally {
    remove_folder(folder);
  }
}

check_if(lacks_tools, 'the length of a stream is its own where its clock leaps', async () => {
  near(await joined_length([await busy(20, 10), await busy(7, 5000)]), 27, 0.2);
  near(await joined_length([await busy(7, 5000), await busy(20, 10)]), 27, 0.2);
  near(await joined_length([await busy(7, 100), await busy(5, 9000), await busy(3, 40),
                            await busy(6, 70_000)]), 21, 0.3);
});

check_if(lacks_tools, 'the length of a stream is its own where the rate of bits changes', async () => {
  near(await joined_length([await busy(20, 10), await still(400, 30)]), 420, 0.2);
  near(await joined_length([await busy(20, 10), await still(400, 30), await busy(5, 60)]), 425, 0.3);
});

check_if(lacks_tools, 'the length of a stream is its own where sound ends early or comes late', async () => {
  const quiet = await busy(20, 10, { sound: 2 });
  near(await joined_length([quiet, await busy(7, 5000)]), 27, 0.2);
  near(await joined_length([await busy(9, 10, { sound: 0 }), await busy(7, 19)]), 16, 0.2);
});

check_if(lacks_tools, 'of several programs, each with a clock of its own, one counts', async () => {
  const folder = temp_folder('programs');
  try {
    const of = (first) => ({ more: ['-mpegts_start_pid', String(first), '-mpegts_pmt_start_pid',
                                    String(first + 0x100)] });
    const whole = await busy(12, 3000, of(0x200));
    const leaping = path.join(folder, 'leaping.ts');
    const parts = [await busy(6, 10, of(0x400)), await busy(6, 50_000, of(0x400))];
    fs.writeFileSync(leaping, Buffer.concat(parts.map((part) => fs.readFileSync(part))));
    const programs = path.join(folder, 'programs.ts');
    near(await length_of(with_programs(programs, [whole, leaping], [0x300, 0x500])), 12, 0.3);
    near(await length_of(with_programs(programs, [leaping, whole], [0x500, 0x300])), 12, 0.3);
  } finally {
    remove_folder(folder);
  }
});
