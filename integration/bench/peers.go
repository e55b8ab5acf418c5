package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// peerRunners are the runners of Beam Go that are measured: its direct runner, and prism within the same process.
var peerRunners = []string{"direct", "prism"}

// buildPeer builds the program of module beamgo.
func buildPeer(ctx context.Context, temp string) (string, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	exe := filepath.Join(temp, "beamgo.exe")
	cmd := goCommand(ctx, "build", "-o", exe, ".")
	cmd.Dir = filepath.Join(root, "integration", "bench", "beamgo")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the peer: %w\n%s", err, tail(out))
	}
	return exe, nil
}

// moduleRoot is the folder of the module that this program is run in.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := goCommand(ctx, "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	mod := strings.TrimSpace(string(out))
	if filepath.Base(mod) != "go.mod" {
		return "", fmt.Errorf("run this in millrace's own module: go env GOMOD is %q", mod)
	}
	return filepath.Dir(mod), nil
}

func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "go", args...)
}

// output runs a command of which only the result matters.
func output(cmd *exec.Cmd) error {
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, tail(all.Bytes()))
	}
	return nil
}
