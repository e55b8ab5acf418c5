// Package sdk is the typed front door: pipelines, collections and the verbs that connect them.
//
// A program's build function is given a [Pipeline] and applies verbs to collections: [Create] and the sources of
// the io packages make them, [Map], [FlatMap], [Filter] and [ParDo] work on elements, [GroupByKey],
// [CombinePerKey] and [CoGroupByKey2] on groups, [WindowInto] says where in event time to group, and views such
// as [AsMap] make a collection readable as a whole. A runner then runs the graph: see [Run] and package launch.
//
// Mistakes that the compiler cannot see are collected and returned together by [Build], each with the
// transform's path and the program's file and line.
//
// The model is Apache Beam's (beam.apache.org/documentation/programming-guide); names are Beam's where it has
// them.
package sdk
