// A client of Aliyun's RPC protocol written from its description, with both signatures. It takes
// nothing for granted: every answer is checked for what the protocol promises of all of them.
import assert from 'node:assert/strict';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { call } from './http.mjs';

const version = '2019-08-10';

export const escape = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const canonical = (parameters) =>
  Object.keys(parameters).sort().map((name) => `${escape(name)}=${escape(parameters[name])}`)
    .join('&');

export const timestamp = (at = Date.now()) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/// Elements of an XML document without attributes: text, or an object of them; one that is there
/// more than once is a list.
export function parse_xml(text) {
  const declared = /^<\?xml version='1.0' encoding='UTF-8'\?>/.exec(text);
  assert.ok(declared, `an XML declaration: ${text}`);
  let at = declared[0].length;
  const unescape = (s) => s.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
  const element = () => {
    const open = /^<([A-Za-z]+)>/.exec(text.slice(at));
    assert.ok(open, `an element at ${at}: ${text}`);
    at += open[0].length;
    const children = {};
    let value = '';
    for (;;) {
      const rest = text.slice(at);
      if (rest.startsWith('</')) break;
      if (rest.startsWith('<![CDATA[')) {
        const end = rest.indexOf(']]>');
        value += rest.slice(9, end);
        at += end + 3;
      } else if (rest.startsWith('<')) {
        const { name, content } = element();
        if (name in children) children[name] = [children[name], content].flat();
        else children[name] = content;
      } else {
        const end = rest.indexOf('<');
        value += unescape(rest.slice(0, end));
        at += end;
      }
    }
    const close = `</${open[1]}>`;
    assert.ok(text.startsWith(close, at), `${close} at ${at}: ${text}`);
    at += close.length;
    return { name: open[1], content: Object.keys(children).length > 0 ? children : value };
  };
  const root = element();
  assert.equal(at, text.length, 'one root element and nothing after it');
  return root;
}

export class AliyunClient {
  constructor(url, id, secret) {
    this.url = url;
    this.id = id;
    this.secret = secret;
  }

  signed_v1(method, action, own, common = {}) {
    const parameters = {
      Action: action, Version: version, AccessKeyId: this.id, SignatureMethod: 'HMAC-SHA1',
      SignatureVersion: '1.0', SignatureNonce: randomUUID(), Timestamp: timestamp(), ...common,
      ...own,
    };
    for (const [name, value] of Object.entries(parameters)) {
      if (value === undefined) delete parameters[name];
    }
    const text = `${method}&%2F&${escape(canonical(parameters))}`;
    parameters.Signature ??= createHmac('sha1', `${this.secret}&`).update(text).digest('base64');
    return parameters;
  }

  /// `spread`: which parameters of a POST stand in the query.
  async v1(action, own = {}, { method = 'GET', common = {}, in_query = () => false } = {}) {
    const parameters = this.signed_v1(method, action, own, common);
    const all = Object.entries(parameters);
    const form = (pairs) => pairs.map(([n, v]) => `${escape(n)}=${escape(v)}`).join('&');
    const query = method === 'POST' ? all.filter(([name]) => in_query(name)) : all;
    const body = method === 'POST' ? form(all.filter(([name]) => !in_query(name))) : null;
    const headers = body === null ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' };
    const answer = await call(method, `${this.url}/?${form(query)}`, { headers, body });
    return checked(answer, parameters.Format ?? 'XML', new URL(this.url).host, action);
  }

  async v3(action, own = {}, { form = null, json = null, headers: extra = {}, unsigned = {},
                              at = Date.now(), nonce = randomUUID() } = {}) {
    const body = form !== null ? canonical(form) : json !== null ? JSON.stringify(json) : '';
    const headers = {
      host: new URL(this.url).host,
      'x-acs-action': action,
      'x-acs-version': version,
      'x-acs-date': timestamp(at),
      'x-acs-signature-nonce': nonce,
      'x-acs-content-sha256': createHash('sha256').update(body).digest('hex'),
      ...extra,
    };
    if (form !== null) headers['content-type'] = 'application/x-www-form-urlencoded';
    if (json !== null) headers['content-type'] = 'application/json';
    const names = Object.keys(headers).sort();
    const request = ['POST', '/', canonical(own),
                     ...names.map((name) => `${name}:${headers[name].trim()}`), '',
                     names.join(';'), headers['x-acs-content-sha256']].join('\n');
    const hash = createHash('sha256').update(request).digest('hex');
    const signature = createHmac('sha256', this.secret).update(`ACS3-HMAC-SHA256\n${hash}`)
      .digest('hex');
    const authorization = `ACS3-HMAC-SHA256 Credential=${this.id},SignedHeaders=` +
                          `${names.join(';')},Signature=${signature}`;
    const answer = await call('POST', `${this.url}/?${canonical(own)}`, {
      headers: { ...headers, Authorization: authorization, ...unsigned }, body: body || null });
    return checked(answer, own.Format ?? 'JSON', headers.host, action);
  }
}

/// {status, fields, text}, after the promises kept for every answer.
export function checked(answer, format, host, action) {
  const { headers, text, status } = answer;
  assert.equal(headers['access-control-allow-origin'], '*');
  assert.equal(headers['access-control-expose-headers'], '*');
  const is_json = format.toLowerCase() === 'json';
  assert.equal(headers['content-type'],
               is_json ? 'application/json;charset=utf-8' : 'text/xml;charset=utf-8', text);
  let fields;
  if (is_json) {
    fields = answer.json();
  } else {
    const root = parse_xml(text);
    assert.equal(root.name, status === 200 ? `${action}Response` : 'Error', text);
    fields = root.content;
  }
  assert.match(fields.RequestId, /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
  assert.equal(headers['x-acs-request-id'], fields.RequestId);
  if (status !== 200) {
    const names = Object.keys(fields);
    assert.deepEqual(names, ['RequestId', 'HostId', 'Code', 'Message', 'Recommend'], text);
    assert.equal(fields.HostId, host);
    assert.match(fields.Recommend, /^http:\/\/.+/);
  } else if ('Code' in fields) {
    assert.equal(fields.Code, 'OK');
  }
  return { status, fields, text, headers };
}
