package report

import "fmt"

// FineTuning is how the last layers of a backbone were trained together with the
// head, which they began with.
type FineTuning struct {
	Layers string `json:"layers"` // such as "the last 16 of 52 layers"
	Rows   int    `json:"rows"`   // of an epoch: items, or variants of them

	// Before is the head on the backbone as it was, Epochs are after each
	// epoch, with the average of the weights.
	Before Tuned   `json:"before"`
	Epochs []Tuned `json:"epochs"`

	// Best is the epoch with the lowest loss on val, from 1; 0 means that none
	// was better than before, and that the backbone stayed as it was.
	Best int `json:"best_epoch"`
}

// Tuned is a state of fine-tuning. Loss is what training went by, the mean over
// the epoch; the others are those of HeadFit.
type Tuned struct {
	Loss        Number `json:"loss"`
	ValLoss     Number `json:"val_loss"`
	ValAccuracy Number `json:"val_accuracy"`
}

// Text says in a sentence and a line feed what came of it, "" where nothing was
// fine-tuned.
func (f *FineTuning) Text() string {
	if f == nil {
		return ""
	}
	if f.Best == 0 {
		return fmt.Sprintf("fine-tuning %s made it no better (validation loss %s before): the backbone is as it was\n", f.Layers, four(f.Before.ValLoss))
	}
	best := f.Epochs[f.Best-1]
	return fmt.Sprintf("fine-tuned %s, epoch %d of %d: validation loss %s, before %s; validation accuracy %s, before %s\n",
		f.Layers, f.Best, len(f.Epochs), four(best.ValLoss), four(f.Before.ValLoss), four(best.ValAccuracy), four(f.Before.ValAccuracy))
}
