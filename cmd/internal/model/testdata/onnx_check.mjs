// Run a model with onnxruntime: node onnx_check.mjs MODEL.onnx PICTURES.raw
//
// PICTURES.raw holds uint8 pictures, one after the other, of the size that the model takes, and of a model of two views
// each with its context after it. Prints one JSON array of
// probabilities a picture, all in one array. onnxruntime-node is looked for in the folder OI_ONNXRUNTIME (where
// "npm install --ignore-scripts onnxruntime-node@1.22.0" was run), else in the current one.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const ort = createRequire((process.env.OI_ONNXRUNTIME ?? process.cwd()) + '/')('onnxruntime-node');
const [model, pictures] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model);
const inputs = session.inputMetadata;
if (!['image', 'image,context'].includes(session.inputNames.join()) || inputs.some((input) => input.type !== 'uint8') ||
    session.outputNames.join() !== 'probabilities') {
  throw new Error(`unexpected ends: ${JSON.stringify([session.inputMetadata, session.outputMetadata])}`);
}
const pixels = new Uint8Array(readFileSync(pictures));
const sizes = inputs.map((input) => input.shape.slice(1).reduce((a, b) => a * b));
const all = sizes.reduce((a, b) => a + b);
const n = pixels.length / all;
const feeds = {};
let at = 0;
inputs.forEach((input, k) => {
  const view = new Uint8Array(n * sizes[k]);
  for (let i = 0; i < n; i++) view.set(pixels.subarray(i * all + at, i * all + at + sizes[k]), i * sizes[k]);
  feeds[input.name] = new ort.Tensor('uint8', view, [n, ...input.shape.slice(1)]);
  at += sizes[k];
});
const { probabilities } = await session.run(feeds);
const classes = probabilities.dims[1];
const rows = Array.from({ length: n }, (_, i) => Array.from(probabilities.data.slice(i * classes, (i + 1) * classes)));
console.log(JSON.stringify(rows));
