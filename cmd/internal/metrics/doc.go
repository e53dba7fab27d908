// Package metrics turns a classifier's answers into numbers: the confusion
// matrix, precision, recall and F1 with their averages, scikit-learn's
// classification report as text and as data, log loss, and the interval that
// an accuracy measured on so many pictures of so many authors stands for.
package metrics
