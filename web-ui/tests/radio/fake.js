// A device behind `navigator.bluetooth` that a test drives. It takes one operation at a time and
// counts those that overlap, as some platforms do by refusing them.
const fake = globalThis.fake = {
  busy: 0, overlaps: 0, connects: 0, refuse: 0, stuck: 0, silent: false,
  max: 512, first: [244, 0], written: [],
};
const operation = async (work) => {
  if (fake.busy > 0) fake.overlaps += 1;
  fake.busy += 1;
  await new Promise((done) => setTimeout(done, 1));
  fake.busy -= 1;
  return work();
};
const fail = (name, words) => { throw new DOMException(words, name); };
const notify = new EventTarget();
notify.startNotifications = () => operation(() => { setTimeout(() => fake.push(fake.first)); });
fake.push = (bytes) => {
  notify.value = new DataView(new Uint8Array(bytes).buffer);
  notify.dispatchEvent(new Event('characteristicvaluechanged'));
};
const write = new EventTarget();
write.writeValueWithoutResponse = (value) => {
  const bytes = Array.from(value);
  if (fake.silent) return new Promise(() => {});
  return operation(() => {
    if (!server.connected) fail('NetworkError', 'GATT Server is disconnected.');
    if (fake.stuck > 0) { fake.stuck -= 1; fail('NetworkError', 'GATT operation already in progress.'); }
    if (bytes.length > fake.max) fail('InvalidModificationError', 'invalid attribute length.');
    fake.written.push(bytes);
  });
};
const service = { getCharacteristic: (uuid) => operation(() => uuid.endsWith('1') ? write : notify) };
const server = {
  connected: false,
  connect: () => operation(() => {
    fake.connects += 1;
    if (fake.refuse > 0) { fake.refuse -= 1; fail('NetworkError', 'Connection attempt failed.'); }
    server.connected = true;
    return server;
  }),
  disconnect() {
    if (!server.connected) return;
    server.connected = false;
    device.dispatchEvent(new Event('gattserverdisconnected'));
  },
  getPrimaryService: () => operation(() => service),
};
const device = new EventTarget();
Object.assign(device, { id: 'garden', name: 'Garden', gatt: server });
fake.drop = () => server.disconnect();
fake.choice = async () => device;
const value = { requestDevice: () => fake.choice(), getAvailability: async () => true };
Object.defineProperty(navigator, 'bluetooth', { configurable: true, value });
