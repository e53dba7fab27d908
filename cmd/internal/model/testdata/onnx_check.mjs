// Run a model with onnxruntime: node onnx_check.mjs MODEL.onnx PICTURES.raw
//
// PICTURES.raw holds uint8 pictures, one after the other, of the size that the model takes. Prints one JSON array of
// probabilities a picture, all in one array. onnxruntime-node is looked for in the folder OI_ONNXRUNTIME (where
// "npm install --ignore-scripts onnxruntime-node@1.22.0" was run), else in the current one.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const ort = createRequire((process.env.OI_ONNXRUNTIME ?? process.cwd()) + '/')('onnxruntime-node');
const [model, pictures] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model);
const input = session.inputMetadata[0];
if (input.name !== 'image' || input.type !== 'uint8' || session.outputNames.join() !== 'probabilities') {
  throw new Error(`unexpected ends: ${JSON.stringify([session.inputMetadata, session.outputMetadata])}`);
}
const [height, width, channels] = input.shape.slice(1);
const pixels = new Uint8Array(readFileSync(pictures));
const n = pixels.length / (height * width * channels);
const feeds = { image: new ort.Tensor('uint8', pixels, [n, height, width, channels]) };
const { probabilities } = await session.run(feeds);
const classes = probabilities.dims[1];
const rows = Array.from({ length: n }, (_, i) => Array.from(probabilities.data.slice(i * classes, (i + 1) * classes)));
console.log(JSON.stringify(rows));
