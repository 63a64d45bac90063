// Loads the wasm beside this file, starts the peer, and shows its view to tests and to the console.
import init, { bitcraps_start, bitcraps_table_log, bitcraps_view } from './bitcraps_web.js';

try {
  await init({ module_or_path: new URL('./bitcraps_web_bg.wasm', import.meta.url) });
  window.bitcraps_view = bitcraps_view;
  window.bitcraps_table_log = bitcraps_table_log;
  bitcraps_start();
} catch (error) {
  const loading = document.getElementById('loading');
  if (loading === null) {
    throw error;
  }
  loading.textContent =
    'The peer could not be loaded: ' + error.message + '. Check the connection and reload.';
}
