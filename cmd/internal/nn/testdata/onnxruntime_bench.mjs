// Times a model in onnxruntime: node onnxruntime_bench.mjs MODEL THREADS N C H W
//
// For each line on standard input it runs a batch of noise, and writes the
// milliseconds that passed and those of processor time. onnxruntime-node is
// looked for in the folder OI_ONNXRUNTIME, where
// "npm install --ignore-scripts onnxruntime-node@1.22.0" was run. Its threads do
// not spin while they wait, as they do by default, unless
// OI_ONNXRUNTIME_SPINNING is 1.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
const ort = createRequire((process.env.OI_ONNXRUNTIME ?? process.cwd()) + '/')('onnxruntime-node');
const [model, threads, ...dims] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads),
  extra: { session: { intra_op: { allow_spinning: process.env.OI_ONNXRUNTIME_SPINNING ?? '0' } } },
});
const shape = dims.map(Number);
const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * Math.random() - 1);
const feed = { [session.inputNames[0]]: new ort.Tensor('float32', data, shape) };
for await (const _ of createInterface({ input: process.stdin })) {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  await session.run(feed);
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify([performance.now() - wall, (used.user + used.system) / 1000]));
}
