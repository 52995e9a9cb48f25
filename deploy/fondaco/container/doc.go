// Package container holds the tests of what is deployed in containers: the
// compose file, the images' recipes and the server's configuration. It has no
// code of its own. testdata/compose-spec.json is the schema of the Compose
// Specification (Apache-2.0).
package container
