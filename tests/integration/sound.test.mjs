// What becomes of sound on its way: loudness, gain and channels, measured with tools that are not
// ours.
import assert from 'node:assert/strict';
import { ffprobe, forged, lacks_tools, told_by } from './support/media.mjs';
import { check_if } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const long = { timeout: 300_000 };
const made = Transcodes.for_all_checks();

async function sounds(file, list) {
  const task = await made.make(file, list.map((audio, i) => (
    { name: `s${i}`, type: 'video', container: 'm4a', video: false, ...audio })));
  const files = [];
  for (const output of task.outputs) files.push((await made.file(output)).file);
  return files;
}

/// By EBU R 128: {loudness, peak}.
async function measured(file) {
  const text = (await told_by(file, 'ebur128=peak=true', '-af')).split('Summary:')[1];
  return { loudness: Number(/I:\s+(-?[\d.]+|-inf) LUFS/.exec(text)[1]),
           peak: Number(/Peak:\s+(-?[\d.]+|-inf) dBFS/.exec(text)[1]) };
}

/// Each channel's RMS level in dB.
async function levels(file) {
  const text = await told_by(file, 'astats=measure_overall=none:measure_perchannel=RMS_level', '-af');
  return [...text.matchAll(/RMS level dB: (-?[\d.]+|-inf)/g)].map(
    (found) => (found[1] === '-inf' ? -200 : Number(found[1])));
}

const tone = (volume) => forged(['-f', 'lavfi', '-i',
  `sine=f=997:r=48000:d=8,volume=${volume}dB,aformat=channel_layouts=stereo`, '-c:a', 'pcm_s24le'],
  'wav');

check_if(lacks_tools, 'a loudness asked for is met, from below and from above', async () => {
  for (const volume of [-20, 6]) {
    const [broadcast, web, part] = await sounds(await tone(volume), [
      { audio: { loudness: true } }, { audio: { loudness: -16, bitrate: 192_000 } },
      { audio: { loudness: -20 }, start: 2, end: 6 }]);
    near((await measured(broadcast)).loudness, -23, 0.5, 'LUFS');
    near((await measured(web)).loudness, -16, 0.5, 'LUFS');
    near((await measured(part)).loudness, -20, 0.5, 'LUFS');
    near(Number((await ffprobe(part)).format.duration), 4, 0.1, 'duration');
  }
}, long);

check_if(lacks_tools, 'peaks that would go over are held below, and the loudness still comes near', async () => {
  // A quiet tone with short, loud clicks.
  const file = await forged(['-f', 'lavfi', '-i',
    "aevalsrc='0.02*sin(2*PI*997*t)+if(lt(mod(t,1),0.002),0.9*sin(2*PI*4000*t),0)':s=48000:d=20,"
    + 'aformat=channel_layouts=stereo', '-c:a', 'pcm_s24le'], 'wav');
  const before_it = await measured(file);
  assert.ok(before_it.loudness < -26 && before_it.peak > -6, JSON.stringify(before_it));
  const [result] = await sounds(file, [{ container: 'flac', audio: { codec: 'flac', loudness: -16 } }]);
  const after_it = await measured(result);
  assert.ok(after_it.peak <= -0.7, `${after_it.peak} dBTP`);
  near(after_it.loudness, -16, 1, 'LUFS');
  near(Number((await ffprobe(result)).format.duration), 20, 0.1, 'duration');
}, long);

check_if(lacks_tools, 'silence stays silence', async () => {
  const file = await forged(['-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo:d=2'], 'wav');
  const [result] = await sounds(file, [{ audio: { loudness: true } }]);
  assert.ok((await levels(result)).every((level) => level < -90));
}, long);

check_if(lacks_tools, 'a gain is what it says', async () => {
  const file = await tone(-20);
  const [up, down] = await sounds(file, [{ audio: { gain: 6 } }, { audio: { gain: -12.5 } }]);
  const [source] = await levels(file);
  near((await levels(up))[0], source + 6, 0.3, 'dB');
  near((await levels(down))[0], source - 12.5, 0.3, 'dB');
}, long);

check_if(lacks_tools, 'channels are kept, folded down and spread', async () => {
  // A tone of its own level in each of six channels.
  const parts = [0.5, 0.25, 0.125, 0.06, 0.03, 0.015].map((a) => `${a}*sin(2*PI*500*t)`);
  const file = await forged(['-f', 'lavfi', '-i',
    `aevalsrc='${parts.join('|')}':c=5.1:s=48000:d=3`, '-c:a', 'pcm_s16le'], 'wav');
  const [six, two, one] = await sounds(file, [
    { audio: { channels: 6, bitrate: 384_000 } }, { audio: { channels: 2 } },
    { audio: { channels: 1 } }]);
  const seen = (await ffprobe(six)).audio;
  assert.deepEqual([seen.channels, seen.channel_layout], [6, '5.1']);
  const source = await levels(file);
  (await levels(six)).forEach((level, i) => {
    // The one of low frequencies has no 500 Hz to speak of in AAC.
    if (i !== 3) near(level, source[i], 1.5, `channel ${i}`);
  });
  // ITU-R BS.775: left, and centre and left surround at -3 dB each; all in phase here.
  const db = (amplitude) => 20 * Math.log10(amplitude / Math.SQRT2);
  const [left, right] = await levels(two);
  near(left, db(0.5 + Math.SQRT1_2 * (0.125 + 0.03)), 0.5, 'left');
  near(right, db(0.25 + Math.SQRT1_2 * (0.125 + 0.015)), 0.5, 'right');
  assert.equal((await levels(one)).length, 1);
  const [spread] = await sounds(await tone(-20), [{ audio: { channels: 6 } }]);
  assert.equal((await ffprobe(spread)).audio.channel_layout, '5.1');
}, long);
