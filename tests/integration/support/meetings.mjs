// Made-up records about meetings, and the cells that exports of them must have, worked out here
// from the records alone.
import { random_from } from './suite.mjs';

const minute = 60;
const hour = 60 * minute;
/// 2026-03-09 14:00:00 in the time zone of the exports, +08:00.
export const first_start = 1773036000;

/// Topics that a careless writer of workbooks would spoil.
const topics = ['Ops weekly', ' =1+1 <&> "quoted" ', 'line one\nline two', 'carriage\r\nreturn', 'tab\tinside',
                '规划会议 🚀', "it's +1", '_x0041_ stays', '@sum(A1)', '-2', '1e5', 'TRUE', ''];
const departments = ['Platform', 'Sales & Marketing', '市场部', ''];
const devices = ['MAC', 'WINDOWS', 'IOS', 'ANDROID'];
const reasons = ['left', 'ended', 'host_ended', 'removed', 'connection_lost', 'other', 'battery'];

function make_users(count) {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'user', user_id: `u${1000 + i}`, name: `Person ${i} 王`,
    department: departments[i % departments.length], employee_no: `2026${i}`,
    email: `person${i}@example.com`, mobile: i % 3 ? `+86 138 0000 ${1000 + i}` : '',
  }));
}

function make_rooms() {
  return [['omm_fuji', 'Fuji', 'omb_first', ['omb_house']],
          ['omm_etna', 'Etna', 'omb_second', ['omb_house']],
          ['omm_rigi', 'Rigi', 'omb_shed', []]].map(([room_id, name, level, above]) => (
    { kind: 'room', room_id, name, room_level_id: level, room_level_path: above, capacity: 8 }));
}

/// The sessions of one participant: joins in order, some overlapping, all over by `end`.
function make_sessions(random, who, meeting) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const sessions = [];
  let at = meeting.start_time + Math.floor(random() * 300);
  for (let left = 1 + Math.floor(random() * 3); left > 0 && at < meeting.end_time - 60; left -= 1) {
    const stay = 30 + Math.floor(random() * 900);
    sessions.push({
      kind: 'participant', instance_id: meeting.instance_id, ...who, join_time: at,
      leave_time: Math.min(at + stay, meeting.end_time), leave_reason: pick(reasons),
      device: pick(devices), app_version: `7.${Math.floor(random() * 30)}`,
      public_ip: `203.0.113.${Math.floor(random() * 250)}`, internal_ip: '192.0.2.7',
      location: 'Bern', network_type: pick(['wifi', 'wired']), microphone: 'Built-in',
      speaker: 'Built-in', camera: pick(['FaceTime HD', 'none']), use_rtc_proxy: random() < 0.2,
      audio: random() < 0.7, video: random() < 0.5, sharing: random() < 0.2,
      telephone: random() < 0.1,
    });
    at += Math.max(20, Math.floor(stay * (0.5 + random())));
  }
  return sessions;
}

const number_of = (random, most) => Math.round(random() * most * 100) / 100;

function make_samples(random, meeting, participant_id) {
  const flow = () => ({ bitrate_kbps: number_of(random, 900), latency_ms: number_of(random, 80),
                        jitter_ms: number_of(random, 9), loss_avg_pct: number_of(random, 3),
                        loss_max_pct: number_of(random, 9) });
  return [0, 1, 2].map((i) => ({
    kind: 'quality', instance_id: meeting.instance_id, participant_id,
    time: meeting.start_time + i * minute,
    audio: { recv: flow(), sent: flow() }, video: { recv: flow() },
    cpu: { client_min_pct: 1, client_avg_pct: 6, client_max_pct: 20.04, system_max_pct: 99.96 },
  }));
}

function make_reservations(random, rooms, users, count) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  return Array.from({ length: count }, (_, i) => ({
    kind: 'reservation', reservation_id: `book-${String(i).padStart(3, '0')}`,
    room_id: pick(rooms).room_id, topic: topics[i % topics.length],
    reserver: pick(users).user_id, guests: i, accepted: Math.floor(i / 2),
    start_time: first_start + i * 15 * minute, end_time: first_start + i * 15 * minute + hour,
    status: pick(Object.keys(words.booking)), checkin_device: pick(Object.keys(words.device)),
    checkin_status: pick(Object.keys(words.checkin)),
    checkin_time: first_start + i * 15 * minute + 40,
    ...(i % 4 ? {} : { released_by: pick(users).user_id,
                       released_at: first_start + i * 15 * minute + 1800 }),
  }));
}

/// Everything an installation knows: {users, rooms, meetings, sessions, samples, reservations}.
export function make_records(seed = 7, count = 40) {
  const random = random_from(seed);
  const users = make_users(12);
  const rooms = make_rooms();
  const meetings = [];
  const sessions = [];
  const samples = [];
  for (let i = 0; i < count; i += 1) {
    const start_time = first_start + i * 7 * minute;
    const meeting = {
      kind: 'meeting', instance_id: `cal-${String(i).padStart(4, '0')}`,
      meeting_no: String(402917355 + i), topic: topics[i % topics.length],
      organizer: users[i % users.length].user_id, start_time,
      end_time: start_time + 20 * minute + i, recording: i % 3 === 0,
      type: i % 5 ? 'video' : 'screencast',
    };
    meetings.push(meeting);
    for (let n = 0; n < i % 5; n += 1) {
      const user = users[(i + n) % users.length].user_id;
      const guest = { participant_id: `guest-${n}`, name: `Guest ${n} <x>` };
      const who = n === 3 ? { room_id: rooms[i % rooms.length].room_id } : n === 2 ? guest : { user };
      sessions.push(...make_sessions(random, who, meeting));
      if (n === 0) samples.push(...make_samples(random, meeting, user));
    }
  }
  return { users, rooms, meetings, sessions, samples,
           reservations: make_reservations(random, rooms, users, 50) };
}

export const lines_of = (records) =>
  Object.values(records).flat().map((record) => `${JSON.stringify(record)}\n`).join('');

// --- the cells ---

const words = {
  leave: { left: '主动离会', ended: '会议结束', host_ended: '主持人结束会议', removed: '被踢出',
           connection_lost: '连接断开', other: '其他' },
  booking: { pending: '审批中', booked: '预定成功', released_manual: '已释放（手动释放）',
             released_ended: '已释放（会议结束后自动释放）',
             released_no_checkin: '已释放（未签到被释放）', released_sensor: '已释放（传感器自动释放）' },
  device: { board: '签到板', qr: '签到二维码', controller: '控制器', touch_panel: '触屏板',
            offline_auto: '设备离线，自动签到' },
  checkin: { not_required_instant: '无需签到（即时预定）', not_required_off: '无需签到（未开启签到设置）',
             not_required: '无需签到', timeout: '超时未签到', open: '签到时间未结束',
             not_required_no_device: '无需签到（未安装签到设备）', checked_in: '已签到', waiting: '待签到',
             disabled: '不可签到（会议室被禁用）' },
};
const media = ['音频', '视频', '共享屏幕'];
const measures = ['码率', '延迟', '抖动', '丢包平均', '丢包最大'];
export const headings = {
  meeting_list: ['会议ID', '会议主题', '会议组织者', '部门', '用户ID', '工号', '邮箱', '手机', '会议开始时间',
                 '会议结束时间', '会议持续时间', '参会人数量', '音频', '视频', '共享', '录制', '电话'],
  participant_list: ['参会人', '部门', '用户ID', '工号', '电话', '邮箱', '设备', '客户端版本', '公网IP',
                     '内网IP', '代理服务', '位置', '网络类型', '麦克风', '扬声器', '摄像头', '音频', '视频',
                     '共享', '入会时间', '离会时间', '参会时长', '离会原因'],
  participant_quality_list: [
    '时间',
    ...media.flatMap((medium) => ['接收', '发送'].flatMap((way) =>
      measures.map((measure) => `${medium}-${measure}（${way}）`))),
    '客户端最小 CPU 占用', '客户端平均 CPU 占用', '客户端最大 CPU 占用', '系统最大 CPU 占用'],
  resource_reservation_list: ['会议室名称', '会议主题', '预定人', '预定人所属部门', '邀请人数', '接受人数',
                              '会议开始时间', '会议结束时间', '会议时长', '会议室预定状态', '签到设备',
                              '会议室签到状态', '会议室签到时间', '释放人', '释放时间'],
};

const two = (number) => String(number).padStart(2, '0');
const time_cell = (seconds) => {
  if (seconds === undefined) return '';
  const [day, clock] = new Date((seconds + 8 * hour) * 1000).toISOString().split('T');
  return `${day.replaceAll('-', '.')} ${clock.slice(0, 8)} (GMT+08:00)`;
};
const duration_cell = (seconds) =>
  [Math.floor(seconds / hour), Math.floor(seconds / minute) % 60, seconds % 60].map(two).join(':');
const yes_no = (value) => (value ? '是' : '否');
const by_key = (list, key) => new Map(list.map((one) => [one[key], one]));

const by_texts = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/// The sessions of a meeting by participant, in the order of the rows.
function participants_of(records, meeting) {
  const groups = new Map();
  for (const session of records.sessions) {
    if (session.instance_id !== meeting.instance_id) continue;
    const id = session.participant_id ?? session.user ?? session.room_id;
    if (!groups.has(id)) groups.set(id, []);
    groups.get(id).push(session);
  }
  for (const list of groups.values()) list.sort((a, b) => a.join_time - b.join_time);
  return [...groups].sort(([a, x], [b, y]) => x[0].join_time - y[0].join_time || by_texts(a, b));
}

export function meeting_rows(records, is_wanted = () => true) {
  const users = by_key(records.users, 'user_id');
  return records.meetings.filter(is_wanted).map((meeting) => {
    const who = users.get(meeting.organizer);
    const people = participants_of(records, meeting);
    const any = (flag) => yes_no(people.some(([, list]) => list.some((one) => one[flag])));
    return [meeting.meeting_no, meeting.topic, who.name, who.department, who.user_id,
            who.employee_no, who.email, who.mobile, time_cell(meeting.start_time),
            time_cell(meeting.end_time), duration_cell(meeting.end_time - meeting.start_time),
            String(people.length), any('audio'), any('video'), any('sharing'),
            yes_no(meeting.recording), any('telephone')];
  });
}

/// Seconds covered by at least one session.
function seconds_inside(sessions) {
  let total = 0;
  let until = 0;
  for (const { join_time, leave_time } of sessions) {
    total += Math.max(0, leave_time - Math.max(join_time, until));
    until = Math.max(until, leave_time);
  }
  return total;
}

export function participant_rows(records, meeting, is_wanted = () => true) {
  const users = by_key(records.users, 'user_id');
  const rooms = by_key(records.rooms, 'room_id');
  return participants_of(records, meeting).filter(([, list]) => is_wanted(list[0]))
    .map(([, sessions]) => {
      const newest = sessions.at(-1);
      const last = sessions.reduce((a, b) => (b.leave_time >= a.leave_time ? b : a));
      const user = users.get(newest.user) ?? {};
      const any = (flag) => yes_no(sessions.some((one) => one[flag]));
      const name = newest.name ?? user.name ?? rooms.get(newest.room_id).name;
      return [name, user.department ?? '', user.user_id ?? '', user.employee_no ?? '',
              user.mobile ?? '', user.email ?? '', newest.device, newest.app_version,
              newest.public_ip, newest.internal_ip, any('use_rtc_proxy'), newest.location,
              newest.network_type, newest.microphone, newest.speaker, newest.camera, any('audio'),
              any('video'), any('sharing'), time_cell(sessions[0].join_time),
              time_cell(last.leave_time), duration_cell(seconds_inside(sessions)),
              words.leave[last.leave_reason] ?? last.leave_reason];
    });
}

const measure_cell = (value, unit) =>
  (value === undefined ? '' : `${Math.round(value * 10) / 10}${unit}`);

export function quality_rows(records, meeting, participant_id) {
  const units = { bitrate_kbps: 'kbps', latency_ms: 'ms', jitter_ms: 'ms', loss_avg_pct: '%',
                  loss_max_pct: '%' };
  const is_wanted = (sample) => sample.instance_id === meeting.instance_id &&
    sample.participant_id === participant_id;
  return records.samples.filter(is_wanted).map((sample) => [
    time_cell(Math.floor(sample.time / minute) * minute),
    ...['audio', 'video', 'screen'].flatMap((medium) => ['recv', 'sent'].flatMap((way) =>
      Object.entries(units).map(([name, unit]) => measure_cell(sample[medium]?.[way]?.[name], unit)))),
    ...['client_min_pct', 'client_avg_pct', 'client_max_pct', 'system_max_pct'].map((name) =>
      measure_cell(sample.cpu[name], '%')),
  ]);
}

export function reservation_rows(records, { topics: shows_topics = false,
                                            is_wanted = () => true } = {}) {
  const users = by_key(records.users, 'user_id');
  const rooms = by_key(records.rooms, 'room_id');
  return records.reservations.filter((one) => is_wanted(one, rooms.get(one.room_id)))
    .map((one) => [
      rooms.get(one.room_id).name, shows_topics ? one.topic : '', users.get(one.reserver).name,
      users.get(one.reserver).department, String(one.guests), String(one.accepted),
      time_cell(one.start_time), time_cell(one.end_time),
      duration_cell(one.end_time - one.start_time), words.booking[one.status],
      words.device[one.checkin_device], words.checkin[one.checkin_status],
      time_cell(one.checkin_time), users.get(one.released_by)?.name ?? '',
      time_cell(one.released_at),
    ]);
}
