package iotest

import (
	"sync"
	"sync/atomic"

	"github.com/millrace-go/millrace/io/filesystem/fileset"
)

// manifests collects what sinks return, from several workers.
type manifests struct {
	mu  sync.Mutex
	all []fileset.Manifest
}

func (m *manifests) add(v fileset.Manifest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, v)
}

// counter numbers calls from 1.
type counter struct{ n atomic.Int64 }

func (c *counter) next() int { return int(c.n.Add(1)) }
