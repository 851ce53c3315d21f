// The same encode by the engine and by ffmpeg commands: what each took, and how good it is.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';
import { difference, engine_cpu, quiet, timed } from './measure.mjs';

/// Submits and waits for the end: {task, wall, cpu, server, zygote, media} in seconds.
export async function through_engine(server, body) {
  const before = engine_cpu(server);
  const start = performance.now();
  const task = await server.client.done(body);
  const wall = (performance.now() - start) / 1000;
  await quiet(server);
  const { all, ...parts } = difference(engine_cpu(server), before);
  return { task, wall, cpu: all, ...parts };
}

/// Commands one after the other, each a list of arguments: {wall, cpu} in seconds.
export async function through_ffmpeg(commands, folder) {
  fs.mkdirSync(folder, { recursive: true });
  const sum = { wall: 0, cpu: 0 };
  for (const args of commands) {
    const took = await timed('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], { cwd: folder });
    sum.wall += took.wall;
    sum.cpu += took.cpu;
  }
  return sum;
}

/// The output's first file, written to a path.
export async function download(server, output, file) {
  const answer = await server.client.raw('GET', output.url);
  if (answer.status !== 200) throw new Error(`${output.url} answered ${answer.status}`);
  fs.writeFileSync(file, answer.body);
}

/// PSNR against the source scaled by Lanczos, frame by frame, in dB: {average, y}.
export async function psnr(file, source, { width, height }) {
  const graph = `[1:v:0]scale=${width}:${height}:flags=lanczos,setsar=1,settb=1/1000,setpts=N[r];` +
                '[0:v:0]setsar=1,settb=1/1000,setpts=N[d];[d][r]psnr';
  const args = ['-nostdin', '-v', 'info', '-i', file, '-i', source, '-lavfi', graph, '-f', 'null',
                '-'];
  const { stderr } = await promisify(execFile)('ffmpeg', args, { maxBuffer: 64 << 20 });
  const found = /PSNR y:(\S+) .*average:(\S+)/.exec(stderr);
  return { y: Number(found[1]), average: Number(found[2]) };
}
