// Clips to measure with: the shared ones where they are, else synthesised.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { clip, has_shared_clips, lacks_tools, synthesised } from
  '../../tests/integration/support/media.mjs';
import { binary } from '../../tests/integration/support/server.mjs';
import { temp_folder } from '../../tests/integration/support/suite.mjs';
import { find_program } from './report.mjs';

/// Why nothing can be compared with ffmpeg, or null.
export const lacks_ffmpeg = find_program('ffmpeg') ? lacks_tools :
  'there is no ffmpeg (Debian package ffmpeg)';

function must(program, args) {
  const ran = spawnSync(program, args, { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${ran.stderr}`);
}

/// {path, name}: a shared clip, or one of that height made by `telecine sample`.
function shared_or_sample(name, height, seconds) {
  if (has_shared_clips) return { path: clip(name), name };
  const file = path.join(temp_folder('clips'), `sample-${height}p.mp4`);
  must(binary, ['sample', file, '--height', String(height), '--seconds', String(seconds)]);
  return { path: file, name: path.basename(file) };
}

export const clip_1080p = () => shared_or_sample('bbb-1080p24.mp4', 1080, 12);
export const clip_720p = () => shared_or_sample('butterfly-720p30.mp4', 720, 8);

/// 1080p of at least `seconds`: the clip as often in a row as that takes, its streams copied.
export function long_1080p(seconds) {
  const one = clip_1080p();
  const times = Math.max(1, Math.round(seconds / 12));
  if (times === 1) return one;
  const file = path.join(temp_folder('clips'), 'long-1080p.mp4');
  must('ffmpeg', ['-nostdin', '-v', 'error', '-stream_loop', String(times - 1), '-i', one.path,
                  '-map', '0:v:0', '-map', '0:a:0?', '-c', 'copy', file]);
  return { path: file, name: `${one.name}, ${times} times in a row` };
}

/// Five small frames: 0.2 s.
export const tiny_clip = () => synthesised({ frames: 5 });

export function given(file) {
  if (!fs.existsSync(file)) throw new Error(`there is no file ${file}`);
  return { path: path.resolve(file), name: path.basename(file) };
}
