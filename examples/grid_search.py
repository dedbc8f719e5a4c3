"""Lets scikit-learn choose the number of kernels and the learning rate: python examples/grid_search.py [EPOCHS].

`ConvolutionNetwork` is a scikit-learn classifier, so GridSearchCV takes it as it takes any other.
"""

import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from golmu import ConvolutionNetwork


def main(epochs: int = 20) -> None:
    x, y = load_digits(return_X_y=True)  # rows of 64 pixels
    x_train, x_test, y_train, y_test = train_test_split(x / 16, y, test_size=0.2, stratify=y, random_state=0)
    search = GridSearchCV(
        ConvolutionNetwork.from_recipe("any", epochs=epochs, random_state=0),
        {"n_kernels": [4, 16], "learning_rate": [0.01, 0.03]},
        cv=3,
    )
    search.fit(x_train, y_train)
    results = search.cv_results_
    for settings, mean, deviation in zip(
        results["params"], results["mean_test_score"], results["std_test_score"], strict=True
    ):
        print(f"{settings['n_kernels']:3} kernels, rate {settings['learning_rate']}: {mean:.4f} ± {deviation:.4f}")
    print(f"best: {search.best_params_}, test accuracy {search.score(x_test, y_test):.4f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
