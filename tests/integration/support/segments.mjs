// Makes what is encoded in segments, and compares it with one pass over the same source.
import assert from 'node:assert/strict';
import { assert_decodes, likenesses, stream_md5, timing_of } from './media.mjs';
import { Transcodes, near } from './transcodes.mjs';

/// How pictures are encoded quickly, with a keyframe every 2 s.
export const video = (options) => ({ preset: 'ultrafast', crf: 23, gop: 2, ...options });

/// A server whose segments are so long, and what it made: {transcodes, task, output(name)}.
export async function made_with(segment, wanted, from) {
  const transcodes = await new Transcodes().start({ flags: ['--worker-segment', segment] });
  const task = await transcodes.make(from, wanted);
  return { transcodes, task, output: (name) => task.outputs.find((o) => o.name === name) };
}

/// Makes outputs whole and in segments, and compares their times, lengths and pictures. A source
/// `rounds` its times by so many seconds; pictures are `least` alike.
export async function same_in_segments(from, wanted, { segment = '1s', units = 6, rounds = 0, least = 0.95 } = {}) {
  const whole = await made_with('0', wanted, from);
  const joined = await made_with(segment, wanted, from);
  try {
    // Sources that follow each other are joined first.
    assert.equal(whole.task.attempts, Array.isArray(from) ? 2 : 1);
    assert.ok(joined.task.attempts >= units, `${joined.task.attempts} attempts`);
    for (const { name } of wanted) {
      const one = await whole.transcodes.file(whole.output(name));
      const two = await joined.transcodes.file(joined.output(name));
      await assert_decodes(two.file);
      const [before, after] = [await timing_of(one.file), await timing_of(two.file)];
      const apart = after.shown.map((at, i) => Math.abs(at - before.shown[i]));
      assert.equal(after.shown.length, before.shown.length, `${name}: pictures`);
      assert.ok(Math.max(...apart) <= rounds, `${name}: times of pictures ${apart}`);
      near(joined.output(name).facts.video[0].duration,
           whole.output(name).facts.video[0].duration, rounds, `${name}: length`);
      const alike = await likenesses(two.file, one.file);
      assert.equal(alike.length, before.shown.length);
      assert.ok(Math.min(...alike) > least, `${name}: ${alike}`);
      if (joined.output(name).facts.audio.length === 0) continue;
      assert.equal(await stream_md5(two.file, 'a:0'), await stream_md5(one.file, 'a:0'),
                   `${name}: sound`);
    }
  } finally {
    await whole.transcodes.close();
    await joined.transcodes.close();
  }
}
