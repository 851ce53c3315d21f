// Sources whose clocks start anywhere, jump, or wrap: each second has a flash and a beep, and what
// comes out has them together, at every second, from the first to the last.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { assert_decodes, ffprobe, lacks_tools } from './support/media.mjs';
import { check_if } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const long = { timeout: 300_000 };
const made = Transcodes.for_all_checks();

function run(args) {
  const { status, stdout, stderr } =
    spawnSync('ffmpeg', ['-v', 'error', '-y', ...args], { maxBuffer: 1 << 28 });
  assert.equal(status, 0, String(stderr));
  return stdout;
}

/// A clip of so many seconds whose clock begins at `at`.
function piece(name, seconds, at, more = []) {
  const file = path.join(made.folder, name);
  const on = 'lt(mod(t,1),0.12)';
  run(['-f', 'lavfi', '-i', `color=black:size=160x120:rate=25:duration=${seconds}`,
       '-f', 'lavfi', '-i', `aevalsrc='if(${on},0.8*sin(2*PI*1000*t),0)':s=48000:d=${seconds}`,
       '-vf', `drawbox=color=white:t=fill:enable='${on}'`,
       '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '2', '-c:a', 'aac', '-output_ts_offset', String(at), ...more, file]);
  return file;
}

/// Pieces one behind another, byte by byte, as a recorder leaves them whose source was restarted.
function spliced(name, pieces) {
  const file = path.join(made.folder, `${name}.ts`);
  const parts = pieces.map(([seconds, at], i) => piece(`${name}-${i}.ts`, seconds, at));
  fs.writeFileSync(file, Buffer.concat(parts.map((part) => fs.readFileSync(part))));
  return file;
}

/// When a row of levels rises above a threshold, in seconds.
function onsets(levels, rate, threshold, quiet) {
  const found = [];
  let last = -Infinity;
  levels.forEach((level, i) => {
    if (level < threshold) return;
    if (i - last > quiet * rate) found.push(i / rate);
    last = i;
  });
  return found;
}

const flashes = (file) =>
  onsets([...run(['-i', file, '-vf', 'fps=50:start_time=0,scale=1:1,format=gray', '-f', 'rawvideo',
                  '-'])], 50, 128, 0.3);

function beeps(file) {
  const bytes = run(['-i', file, '-af', 'aresample=8000:async=1:first_pts=0', '-ac', '1', '-f',
                     's16le', '-']);
  const levels = Array.from({ length: bytes.length >> 1 },
                            (_, i) => Math.abs(bytes.readInt16LE(2 * i)));
  return onsets(levels, 8000, 8000, 0.3);
}

async function assert_steady(source, seconds, output = {}) {
  const task = await made.make(source, [{ name: 'v', type: 'video',
                                          video: { preset: 'ultrafast' }, ...output }]);
  const says = source.endsWith('.ts') && !output.start;
  if (says) near(task.source.duration, seconds, 0.25, 'duration of the source');
  const { file } = await made.file(task.outputs[0]);
  const seen = await ffprobe(file);
  near(Number(seen.format.duration), seconds, 0.25, 'duration');
  await assert_decodes(file);
  const [light, sound] = [flashes(file), beeps(file)];
  const told = `flashes ${light}; beeps ${sound}`;
  assert.equal(light.length, seconds, told);
  assert.equal(sound.length, seconds, told);
  light.forEach((at, i) => {
    assert.ok(Math.abs(sound[i] - at) < 0.08, `out of step: ${told}`);
    assert.ok(Math.abs(at - light[0] - i) < 0.15, `not a second apart: ${told}`);
  });
}

for (const at of [0, 1.4, 3600, 50_000]) {
  check_if(lacks_tools, `a transport stream that starts at ${at} s begins at 0`, async () => {
    await assert_steady(piece(`start-${at}.ts`, 4, at), 4);
  }, long);
}

check_if(lacks_tools, 'MKV and MP4 that start late begin at 0', async () => {
  await assert_steady(piece('late.mkv', 4, 3600), 4);
  await assert_steady(piece('late.mp4', 4, 100, ['-avoid_negative_ts', 'disabled']), 4);
}, long);

const wrap = 2 ** 33 / 90_000;  // where the clock of transport streams begins anew, s

check_if(lacks_tools, 'a clock that wraps goes on', async () => {
  await assert_steady(piece('wrap.ts', 6, wrap - 3), 6);
}, long);

check_if(lacks_tools, 'a clock that wraps soon after the start goes on', async () => {
  await assert_steady(piece('wrap-soon.ts', 6, wrap - 1.2), 6);
}, long);

check_if(lacks_tools, 'a clock that jumps goes on, forwards and backwards', async () => {
  await assert_steady(spliced('forwards', [[3, 10], [3, 5000]]), 6);
  await assert_steady(spliced('backwards', [[3, 5000], [3, 10]]), 6);
  await assert_steady(spliced('often', [[2, 100], [2, 9000], [2, 40], [2, 70_000]]), 8);
}, long);

check_if(lacks_tools, 'a clock that falls back by a little goes on', async () => {
  await assert_steady(spliced('little', [[4, 20], [4, 20]]), 8);
}, long);

check_if(lacks_tools, 'sound that is silent for long comes back where it belongs', async () => {
  const source = piece('silent.ts', 30, 10, ['-af', "aselect='lt(t,3.5)+gt(t,17.9)'"]);
  const task = await made.make(source, [{ name: 'v', type: 'video',
                                          video: { preset: 'ultrafast' } }]);
  near(task.source.duration, 30, 0.25, 'duration of the source');
  const { file } = await made.file(task.outputs[0]);
  const heard = beeps(file);
  assert.equal(heard.length, 16, `beeps ${heard}`);
  const seen = flashes(file);
  assert.equal(seen.length, 30);
  heard.forEach((at, i) => near(at, seen[i < 4 ? i : i + 14], 0.1, `beep ${i}`));
}, long);

check_if(lacks_tools, 'copied streams follow a clock that jumps', async () => {
  await assert_steady(spliced('copied', [[3, 10], [3, 5000]]), 6,
                      { video: { codec: 'copy' }, audio: { codec: 'copy' } });
}, long);

check_if(lacks_tools, 'a part behind a jump is where it is expected', async () => {
  const source = spliced('part', [[4, 10], [4, 5000]]);
  await assert_steady(source, 3, { start: 5, end: 8 });
}, long);
