//go:build js && wasm

// The predictor of the page that oi-eval --demo writes: a program for a Web
// Worker of the browser.
//
// It reads the model from the global oiModel, a Uint8Array, and how photos become
// squares from the texts oiPad and oiFilter, and gives the page the global
// function oiPredict, then calls oiReady("") or oiReady(message).
// oiPredict takes the bytes of a photo, a Uint8Array, and returns an array of
// probabilities, or a sentence that says why there is none.
package main

import (
	"syscall/js"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/predict"
)

func main() {
	world := js.Global()
	p, err := predict.New(bytesOf(world.Get("oiModel")))
	world.Delete("oiModel")
	if err != nil {
		world.Call("oiReady", err.Error())
		return
	}
	p.Pad, p.Filter = pix.Pad(world.Get("oiPad").String()), pix.Filter(world.Get("oiFilter").String())
	world.Set("oiPredict", js.FuncOf(func(_ js.Value, args []js.Value) any {
		answers, err := p.Photo(bytesOf(args[0]), imagefile.DefaultMaxPixels)
		if err != nil {
			return predict.Sentence(err)
		}
		list := make([]any, len(answers))
		for i, v := range answers {
			list[i] = v
		}
		return list
	}))
	world.Call("oiReady", "")
	select {}
}

// bytesOf copies a Uint8Array.
func bytesOf(v js.Value) []byte {
	data := make([]byte, v.Length())
	js.CopyBytesToGo(data, v)
	return data
}
