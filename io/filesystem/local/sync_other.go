//go:build !unix

package local

// syncDir does nothing where directories cannot be opened for it: Windows makes a rename durable with the file.
func syncDir(string) error { return nil }
