// Package iotest is the conformance suite that every source and sink of files passes, and every file system
// below them. Each case says the sentence of the contract that it checks, and a failure repeats it.
//
// A package that reads or writes files calls [TestSource] and [TestSink] in a conformance_test.go of its own,
// with a case that says how to apply its transforms and how to make and read a file without them:
//
//	func TestConformance(t *testing.T) {
//		iotest.TestSource(t, iotest.SourceCase[string]{
//			Suffix: ".txt",
//			Row:    func(i int) string { return strconv.Itoa(i) },
//			Store:  storeLines,
//			Read: func(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[string] {
//				return textio.Read(p, pattern, textio.FileSystems(fs))
//			},
//		})
//	}
//
// A file system calls [TestFileSystem].
//
// The contract is that of package filesystem (FileSystem), package fileset (sets that are seen whole or not at
// all) and, for the splitting of sources, of the Beam programming guide, "Splittable DoFns".
package iotest
