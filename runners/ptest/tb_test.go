package ptest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
)

// exampleT stands for the *testing.T of a test, which an example has none of.
type exampleT struct{ testing.TB }

func newT() exampleT                          { return exampleT{} }
func (exampleT) Helper()                      {}
func (exampleT) Context() context.Context     { return context.Background() }
func (exampleT) Output() io.Writer            { return io.Discard }
func (exampleT) Cleanup(func())               {}
func (exampleT) Logf(string, ...any)          {}
func (exampleT) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (exampleT) Errorf(f string, args ...any) { fmt.Printf(f+"\n", args...) }

func (exampleT) TempDir() string { return os.TempDir() }
