package group

import (
	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
)

// Input is what is known of the rows that come to an exchange: KV[K, V]. The key is at their beginning.
type Input struct {
	Row   *exec.ElementType // KV[K, V]
	Value *exec.ElementType // V, with an encoding
	Seq   coder.Sequence    // of V, where groups are sequences
}

// offset is where in a row the value is.
func (in Input) offset() uintptr { return in.Row.Type().Field(1).Offset }
