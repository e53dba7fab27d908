"use strict";
(() => {
  const element = id => document.getElementById(id);
  const facts = JSON.parse(element("facts").textContent);
  const largestFile = 256 * 2 ** 20; // bytes
  const few = 10, first = 5; // up to few classes are all shown, else the first
  const kept = 12; // answers on the page

  let worker, ready = false, current = null;
  const waiting = [];

  function say(text, bad = false) {
    element("status").textContent = text;
    element("status").classList.toggle("bad", bad);
  }

  // make makes an element with a text, or with others inside.
  function make(name, ...inside) {
    const made = document.createElement(name);
    made.append(...inside);
    return made;
  }

  function percent(p) {
    if (p > 0 && p < 0.0005) return "< 0.1 %";
    if (p < 1 && p >= 0.9995) return "> 99.9 %";
    return (100 * p).toFixed(1) + " %";
  }

  function bars(list) {
    const ol = make("ol");
    for (const {name, p} of list) {
      const bar = make("i");
      bar.style.width = 100 * p + "%";
      const li = make("li", bar, make("span", name), make("span", percent(p)));
      li.dataset.probability = p;
      ol.append(li);
    }
    return ol;
  }

  function show(file, probabilities, seconds) {
    const list = Array.from(probabilities, (p, i) => ({name: facts.classes[i], p})).sort((a, b) => b.p - a.p);
    const best = list[0], unsure = best.p < facts.unsure;
    const verdict = unsure ? "Unsure" : best.name;
    const detail = unsure ? `No class reaches ${percent(facts.unsure)}; the nearest is ${best.name}, ${percent(best.p)}.` : percent(best.p);
    const shown = list.length <= few ? list : list.slice(0, first), rest = list.slice(shown.length);

    const picture = make("img"), url = URL.createObjectURL(file);
    picture.alt = "the photo " + file.name;
    picture.src = url;
    picture.onload = picture.onerror = () => URL.revokeObjectURL(url);
    const soft = make("p", `${file.name}, answered in ${seconds.toFixed(2)} s`);
    soft.className = "soft";
    const text = make("div", make("h2", verdict));
    if (unsure) text.append(make("p", detail));
    text.append(bars(shown));
    if (rest.length > 0) {
      const more = make("details", make("summary", `${rest.length} more, ${percent(rest.reduce((sum, {p}) => sum + p, 0))} together`), bars(rest));
      text.append(more);
    }
    text.append(soft);
    const article = make("article", picture, text);
    element("answers").prepend(article);
    while (element("answers").children.length > kept) element("answers").lastChild.remove();
    say(`${file.name}: ${unsure ? "unsure" : verdict + ", " + detail}`);
  }

  function next() {
    if (!ready || current) return;
    current = waiting.shift() || null;
    if (!current) return;
    if (current.size > largestFile) {
      say(`${current.name}: the file is larger than 256 MB.`, true);
      current = null;
      next();
      return;
    }
    say(`Looking at ${current.name} …`);
    worker.postMessage({photo: current});
  }

  function failed(message) {
    const photo = current;
    worker.terminate();
    ready = false;
    current = null;
    if (photo) {
      start();
      say(`${photo.name}: this browser could not do it, perhaps for want of memory (${message}). Try a smaller photo.`, true);
    } else {
      say(`The model could not be loaded: ${message}.`, true);
    }
  }

  function start() {
    const url = URL.createObjectURL(new Blob([element("runtime").textContent, element("worker").textContent], {type: "text/javascript"}));
    worker = new Worker(url);
    worker.onerror = event => failed(event.message || "the program does not start");
    worker.onmessage = ({data}) => {
      if (data.failed) {
        failed(data.failed);
        return;
      }
      if (data.ready) {
        URL.revokeObjectURL(url);
        if (!ready && waiting.length === 0 && !element("status").classList.contains("bad")) say("Ready.");
        ready = true;
      } else {
        const photo = current;
        current = null;
        if (typeof data.answer === "string") say(`${photo.name}: ${data.answer}`, true);
        else show(photo, data.answer, data.seconds);
      }
      next();
    };
    worker.postMessage({program: element("program").textContent, model: element("model").textContent, pad: facts.pad, filter: facts.filter});
  }

  function take(files) {
    if (files.length === 0) {
      say("That is no file: save the picture first, then drop or choose the file.", true);
      return;
    }
    waiting.push(...files);
    if (!ready) say("The model is still loading; the photo is next.");
    next();
  }

  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") {
    say("This browser is too old for the page: Chrome or Edge 103, Firefox 113 and Safari 16.4 are new enough.", true);
    return;
  }
  element("file").addEventListener("change", event => {
    take(event.target.files);
    event.target.value = "";
  });
  document.addEventListener("paste", event => {
    if (event.clipboardData) take(event.clipboardData.files);
  });
  const over = yes => element("drop").classList.toggle("over", yes);
  document.addEventListener("dragover", event => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", event => event.relatedTarget || over(false));
  document.addEventListener("drop", event => {
    event.preventDefault();
    over(false);
    take(event.dataTransfer.files);
  });
  start();
})();
