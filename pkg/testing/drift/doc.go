// Package drift tests that no edit of an applied field goes unnoticed, and that nothing else is taken for one: on manifests that nobody
// wrote for this project, and on what metadata alone cannot show. How drift is told, held and reported is tested in the package
// integration, its prevention in the package prevent. It holds tests only.
//
// TestRealWorld applies the manifests by NOPEA itself. Then each field is edited by dry runs in each way that makes sense (Detect), things
// happen that are no drift (Untouched), and a sample of the edits is made for real, to be put back (Repair). The sample follows from a seed:
//
//	NOPEA_DRIFT_SEED=7           another sample
//	NOPEA_DRIFT_SHARE=1          one field in so many in Detect: every one (default 12)
//	NOPEA_DRIFT_CRD_FIELDS=5000  so many fields of CustomResourceDefinitions in Detect; they have some ten times as many as all others
//	NOPEA_DRIFT_REPAIRS=1500     so many edits in Repair
//	NOPEA_DRIFT_SILENCE=60       for so many seconds the network is away
//
// What runs without any of these is a sample that takes a few minutes; `make drift` takes every field.
//
// The other tests each show one thing that the ownership of fields does not, or not at once.
package drift
