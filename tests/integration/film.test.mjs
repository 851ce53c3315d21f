// Film that was made into video of 60 fields a second by 3:2 pulldown, and what only looks like it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { clip, ffprobe, forged, lacks_clips, lacks_tools, likenesses, packets_of }
  from './support/media.mjs';
import { check_if } from './support/suite.mjs';
import { Transcodes, load, near } from './support/transcodes.mjs';

const long = { timeout: 600_000 };
const made = Transcodes.for_all_checks();

const quick = { preset: 'ultrafast', crf: 8 };
const film_rate = 24000 / 1001;

/// Four seconds in which everything moves.
const moving = (rate) => `testsrc2=s=352x288:r=${rate}:d=4,scroll=h=0.011:v=0.007,format=yuv420p`;
const film = () => forged(['-f', 'lavfi', '-i', moving('24000/1001'), '-c:v', 'libx264', '-qp', '0',
                           '-preset', 'ultrafast']);
const fields = (order) => ['-c:v', 'mpeg2video', '-q:v', '2', '-flags', '+ildct+ilme', '-top',
                           order === 'top' ? '1' : '0'];
const telecined = async (order, more = '') => forged(['-i', await film(), '-vf',
  `telecine=first_field=${order}${more}`, ...fields(order)]);

async function video(file, options = {}, extra = {}) {
  const task = await made.make(file, [{ name: 'v', type: 'video', audio: false,
                                        video: { ...quick, ...options }, ...extra }]);
  return { ...task.outputs[0], file: (await made.file(task.outputs[0])).file };
}

const pictures = async (file) => (await packets_of(file, 'v:0')).length;

/// The output's pictures are those of the film, one by one and at their even times.
async function is_film(result, { rounding = 0.001 } = {}) {
  const alike = await likenesses(result.file, await film());
  assert.equal(alike.length, 96);
  alike.forEach((value, i) => assert.ok(value > 0.93, `picture ${i} is like the film's: ${value}`));
  const times = (await packets_of(result.file, 'v:0')).map((p) => p.pts);
  times.slice(0, -1).forEach((at, i) => near(at - times[0], i / film_rate, rounding, `time of picture ${i}`));
}

for (const order of ['top', 'bottom']) {
  check_if(lacks_tools, `film is taken out of video whose ${order} fields come first`, async () => {
    const file = await telecined(order);
    assert.equal(await pictures(file), 120);
    const result = await video(file);
    await is_film(result);
    const seen = await ffprobe(result.file);
    assert.equal(seen.video.r_frame_rate, '24000/1001');
    near(Number(seen.format.duration), 4.004, 0.06, 'length');
    const facts = result.facts.video[0];
    assert.deepEqual([facts.frame_rate, facts.constant_frame_rate], ['24000/1001', true]);
  }, long);
}

check_if(lacks_tools, 'what is asked to be left is left, and what nothing marks is film if one asks', async () => {
  const file = await telecined('top');
  const left = await video(file, { deinterlace: 'off' });
  assert.equal(await pictures(left.file), 120);
  assert.equal(left.facts.video[0].frame_rate, '30000/1001');
  const silent = await forged(['-i', await film(), '-vf', 'telecine', '-c:v', 'libx264', '-crf', '6',
                               '-preset', 'ultrafast']);
  assert.equal(await pictures((await video(silent)).file), 120);
  await is_film(await video(silent, { deinterlace: 'on' }));
}, long);

check_if(lacks_tools, 'containers and playlists say the rate of the film', async () => {
  const file = await telecined('top');
  const task = await made.make(file, [
    { name: 'k', type: 'video', container: 'mkv', audio: false, video: quick },
    { name: 'h', type: 'hls', renditions: [{ name: 'a', video: { ...quick, short_side: 144 } }] }]);
  const seen = await ffprobe((await made.file(task.outputs[0])).file);
  assert.equal(seen.video.r_frame_rate, '24000/1001');
  assert.match((await load(task.outputs[1].url)).text, /FRAME-RATE=23.976/);
}, long);

check_if(lacks_tools, 'an edit of the video costs a few even times at most', async () => {
  const cut = "select='not(between(n,58,60))',setpts=N/FRAME_RATE/TB";
  const result = await video(await telecined('top', `,${cut}`));
  const count = await pictures(result.file);
  assert.ok(count >= 93 && count <= 97, `${count} pictures`);
  for (const backwards of [false, true]) {
    const alike = (await likenesses(result.file, await film(), { backwards })).slice(0, 40);
    assert.ok(Math.min(...alike) > 0.93, `${alike}`);
  }
}, long);

const real_video = () => forged(['-f', 'lavfi', '-i', moving('60000/1001'), '-vf',
  'tinterlace=interleave_top', ...fields('top')]);

check_if(lacks_tools, 'video that is no film keeps its pictures, and parts of film in it are found', async () => {
  const whole = await video(await real_video());
  assert.equal(await pictures(whole.file), 120);
  assert.equal(whole.facts.video[0].frame_rate, '30000/1001');
  const both = await forged(['-i', await telecined('top'), '-i', await real_video(), '-lavfi',
    '[0:v][1:v]concat=n=2:v=1', ...fields('top')]);
  const mixed = await video(both);
  const count = await pictures(mixed.file);
  assert.ok(count >= 214 && count <= 220, `${count} pictures`);
  const facts = mixed.facts.video[0];
  assert.equal(facts.constant_frame_rate, false);
  const times = (await packets_of(mixed.file, 'v:0')).map((p) => p.pts);
  near(times[90] - times[0], 90 / film_rate, 0.01, 'film');
  near(times.at(-1) - times.at(-101), 100 * 1.001 / 30, 0.01, 'video');
}, long);

check_if(lacks_clips ?? lacks_tools, 'film is found beneath the noise of a low bit rate', async () => {
  for (const name of ['bbb-1080p24.mp4', 'coffee-720p30.mp4']) {
    const small = 'scale=720:480,setsar=1';
    const file = await forged(['-i', clip(name), '-an', '-vf',
      `setpts=N*1001/24000/TB,fps=24000/1001,${small},telecine`, '-c:v', 'mpeg2video', '-b:v', '2500k',
      '-flags', '+ildct+ilme', '-top', '1']);
    const result = await video(file);
    near(await pictures(result.file), await pictures(file) * 0.8, 2, name);
    assert.equal((await ffprobe(result.file)).video.r_frame_rate, '24000/1001');
    const same = await forged(['-i', clip(name), '-an', '-vf',
      `setpts=N*1001/60000/TB,fps=60000/1001,${small},tinterlace=interleave_top`, '-c:v',
      'mpeg2video', '-b:v', '3M', '-flags', '+ildct+ilme', '-top', '1']);
    assert.equal(await pictures((await video(same)).file), await pictures(same), `${name} as video`);
  }
}, long);

check_if(lacks_tools, 'drawn film, whose pictures stand for two of film, is film', async () => {
  const file = await forged(['-f', 'lavfi', '-i', moving('12000/1001'), '-vf',
    'fps=24000/1001,telecine', ...fields('top')]);
  const count = await pictures((await video(file)).file);
  near(count, await pictures(file) * 0.8, 3, 'pictures');
}, long);

check_if(lacks_tools, 'video of 25 pictures a second keeps its rate, however its fields repeat', async () => {
  const file = await forged(['-f', 'lavfi', '-i', moving(20), '-vf', 'telecine', ...fields('top')]);
  assert.equal(await pictures(file), 100);
  const result = await video(file, {}, { container: 'mkv' });
  assert.equal(await pictures(result.file), 100);
  assert.equal((await ffprobe(result.file)).video.r_frame_rate, '25/1');
  assert.deepEqual([result.facts.video[0].frame_rate, result.facts.video[0].constant_frame_rate],
                   ['25/1', true]);
}, long);

/// MPEG-2 as DVDs have it: film whose pictures say how many fields each is shown for.
async function with_repeated_fields(kind) {
  const plain = await forged(['-i', await film(), '-c:v', 'mpeg2video', '-q:v', '2', '-bf', '0'],
                             'm2v');
  const bytes = fs.readFileSync(plain);
  let picture = 0;
  for (let at = bytes.indexOf('000001', 0, 'hex'); at >= 0; at = bytes.indexOf('000001', at + 3, 'hex')) {
    const [code, kind] = [bytes[at + 3], bytes[at + 4] >> 4];
    if (code === 0xb3) bytes[at + 7] = (bytes[at + 7] & 0xf0) | 4;  // 30000/1001
    if (code === 0xb5 && kind === 1) bytes[at + 5] &= ~0x08;  // not a progressive sequence
    if (code !== 0xb5 || kind !== 8) continue;
    const place = picture++ % 4;  // A to D: top field first or not, two fields or three
    bytes[at + 7] = (bytes[at + 7] & 0x7d) | (place < 2 ? 0x80 : 0) | (place % 2 ? 0x02 : 0);
  }
  const patched = `${plain}.soft.m2v`;
  fs.writeFileSync(patched, bytes);
  return forged(['-fflags', '+genpts', '-i', patched, '-c', 'copy'], kind);
}

check_if(lacks_tools, 'film that says which fields repeat comes at even times', async () => {
  for (const kind of ['ts', 'mp4', 'mkv']) {
    const file = await with_repeated_fields(kind);
    const times = (await packets_of(file, 'v:0')).map((p) => p.pts);
    near(times[2] - times[1], 3 * 1.001 / 60, 0.001, 'the source has three fields');
    near(times[3] - times[2], 2 * 1.001 / 60, 0.001, 'and two');
    await is_film(await video(file), { rounding: 0.002 });
  }
}, long);
