// CPU and memory of processes, and numbers made of several rounds.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { children_of, media_children_of, zygotes_of } from
  '../../tests/integration/support/processes.mjs';
import { sleep } from '../../tests/integration/support/suite.mjs';

const ticks = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100;

function read_cpu(file) {
  const text = fs.readFileSync(file, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
  const [user, system, children_user, children_system] = fields.slice(11, 15);
  return { own: (user + system) / ticks, reaped: (children_user + children_system) / ticks };
}

/// CPU seconds (user and system) of a process: {own, reaped}, the latter of its ended children.
/// The kernel adds up nanoseconds and shows hundredths of a second.
export const cpu_of = (pid) => read_cpu(`/proc/${pid}/stat`);

/// CPU seconds of each living thread of a process: {thread id: seconds}.
export function cpu_of_threads(pid) {
  const folder = `/proc/${pid}/task`;
  return Object.fromEntries(
    fs.readdirSync(folder).map((thread) => [thread, read_cpu(`${folder}/${thread}/stat`).own]));
}

/// CPU seconds of a process and its living children, and of all that they have reaped.
export function cpu_of_tree(pid) {
  return [pid, ...children_of(pid)]
    .map(cpu_of)
    .reduce((sum, cpu) => sum + cpu.own + cpu.reaped, 0);
}

/// CPU seconds of an engine: {server, zygote, media, all}. Media children are reaped by the
/// zygote, so what they used is known once they are gone; `quiet` waits for that.
export function engine_cpu(server) {
  const own = cpu_of(server.pid);
  const sum = { server: own.own, zygote: 0, media: own.reaped };
  for (const zygote of zygotes_of(server.pid)) {
    const cpu = cpu_of(zygote);
    sum.zygote += cpu.own;
    sum.media += cpu.reaped;
  }
  return { ...sum, all: sum.server + sum.zygote + sum.media };
}
export async function quiet(server) {
  while (media_children_of(server.pid).length > 0) await sleep(2);
}

export function difference(after, before) {
  return Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));
}

/// Runs a command to its end: {wall, cpu} in seconds, with everything it started (bash's `time`).
/// A code other than 0 is an error.
export function timed(program, args, { cwd } = {}) {
  const script = 'TIMEFORMAT="%3R %3U %3S"; { time "$@" 2>&4; } 4>&2 2>&3';
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', script, 'bash', program, ...args], {
      cwd,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    let times = '';
    child.stderr.on('data', (text) => (errors += text));
    child.stdio[3].on('data', (text) => (times += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) {
        return reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors}`));
      }
      const [wall, user, system] = times.trim().split(/\s+/).map(Number);
      return resolve({ wall, cpu: user + system });
    });
  });
}

/// Resident memory in bytes: {now, own, peak, share} of a process. `own` leaves out the pages of
/// mapped files, such as libraries; `share` counts a page that n processes map as 1/n (PSS; null
/// where the kernel does not tell).
export function memory_of(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const value = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]) * 1024;
  let share = null;
  try {
    const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    share = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)[1]) * 1024;
  } catch {
    // Not ours to read.
  }
  return { now: value('VmRSS'), own: value('RssAnon'), peak: value('VmHWM'), share };
}

/// The highest peak among processes that `pids()` names, sampled until `stop()`, which answers it.
export function watch_peak(pids, every = 20) {
  let peak = 0;
  const look = () => {
    for (const pid of pids()) {
      try {
        peak = Math.max(peak, memory_of(pid).peak);
      } catch {
        // It ended meanwhile.
      }
    }
  };
  const timer = setInterval(look, every);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

// --- rounds ---

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/// "1.23 (1.20–1.31)": median, least and greatest.
export function spread(values, digits = 2) {
  if (values.length === 0) return '–';
  const show = (value) => value.toFixed(digits);
  if (values.length === 1) return show(values[0]);
  return `${show(median(values))} (${show(Math.min(...values))}–${show(Math.max(...values))})`;
}

/// Ratios of two series, round by round.
export const ratios = (a, b) => a.map((value, i) => value / b[i]);

export function progress(text) {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
