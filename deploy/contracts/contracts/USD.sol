// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// The quote token of the development chain: whole cents, minted by its owner.
contract USD is ERC20, Ownable {
    constructor(address owner) ERC20("Fondaco Dollar", "USD") Ownable(owner) {}

    /// Two decimals, so that one unit is one cent and equals the book's unit.
    function decimals() public pure override returns (uint8) {
        return 2;
    }

    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    function burn(uint256 amount) external {
        _burn(_msgSender(), amount);
    }
}
