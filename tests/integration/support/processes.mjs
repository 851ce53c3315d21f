// Who is whose child, read from /proc: the kernel need not list children itself.
import fs from 'node:fs';

function stat_of(pid) {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const rest = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid, state: rest[0], parent: Number(rest[1]) };
  } catch {
    return null;
  }
}

function command_of(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

/// Living (not zombie) children of a process.
export function children_of(pid) {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => stat_of(Number(name)))
    .filter((stat) => stat && stat.parent === pid && stat.state !== 'Z' && stat.state !== 'X')
    .map((stat) => stat.pid);
}

/// The warm parents of media children that a server or worker process runs.
export function zygotes_of(pid) {
  return children_of(pid).filter((child) => command_of(child).includes('media-host'));
}

/// The processes that decode and encode for a server or worker right now.
export function media_children_of(pid) {
  return zygotes_of(pid).flatMap(children_of);
}

export function is_alive(pid) {
  const stat = stat_of(pid);
  return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
}

/// False when it was gone already.
export function send_signal(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error.code === 'ESRCH') return false;
    throw error;
  }
}

/// The most memory a process has had resident, in bytes.
export function peak_memory(pid) {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(text)[1]) * 1024;
}
