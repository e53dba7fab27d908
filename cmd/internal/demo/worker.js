"use strict";

// The bytes of a text of 7 bits a character.
function bytesOf(text) {
  const out = new Uint8Array(Math.floor(text.length * 7 / 8));
  let bits = 0, held = 0, at = 0;
  for (let i = 0; i < text.length; i++) {
    held = held << 7 | text.charCodeAt(i) & 127;
    bits += 7;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  return out;
}

async function inflated(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Puts bytes that were sorted by their place within four back.
function unsorted(sorted) {
  const out = sorted.slice(), n = sorted.length >> 2;
  for (let k = 0; k < 4; k++) {
    for (let i = 0; i < n; i++) out[4 * i + k] = sorted[k * n + i];
  }
  return out;
}

async function start({program, model, pad, filter}) {
  const go = new Go();
  const code = await inflated(program);
  self.oiPad = pad;
  self.oiFilter = filter;
  self.oiModel = unsorted(await inflated(model));
  const {instance} = await WebAssembly.instantiate(code, go.importObject);
  await new Promise((resolve, reject) => {
    self.oiReady = message => message ? reject(new Error(message)) : resolve();
    go.run(instance).then(() => reject(new Error("the program has ended")), reject);
  });
}

self.onmessage = async ({data}) => {
  try {
    if (data.model) {
      await start(data);
      self.postMessage({ready: true});
      return;
    }
    const photo = new Uint8Array(await data.photo.arrayBuffer().catch(() => {
      throw new Error("unreadable");
    }));
    const began = performance.now();
    const answer = self.oiPredict(photo);
    if (answer === undefined) throw new Error("the program has ended");
    self.postMessage({answer, seconds: (performance.now() - began) / 1000});
  } catch (error) {
    self.postMessage(error.message === "unreadable" ? {answer: "The file cannot be read; a folder is not a photo."} : {failed: error.message});
  }
};
