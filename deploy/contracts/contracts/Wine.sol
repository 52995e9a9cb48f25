// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC1155Supply} from "@openzeppelin/contracts/token/ERC1155/extensions/ERC1155Supply.sol";
import {ERC1155URIStorage} from "@openzeppelin/contracts/token/ERC1155/extensions/ERC1155URIStorage.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// Lots of wine: one token id is one lot (a cellar's wine of one vintage), one
/// unit of it is one case.
contract Wine is ERC1155Supply, ERC1155URIStorage, Ownable {
    constructor(address owner) ERC1155("") Ownable(owner) {}

    function mint(address to, uint256 lot, uint256 cases, bytes calldata data) external onlyOwner {
        _mint(to, lot, cases, data);
    }

    function mintBatch(address to, uint256[] calldata lots, uint256[] calldata cases, bytes calldata data)
        external
        onlyOwner
    {
        _mintBatch(to, lots, cases, data);
    }

    /// Emits URI(value, lot).
    function setURI(uint256 lot, string calldata value) external onlyOwner {
        _setURI(lot, value);
    }

    function uri(uint256 lot) public view override(ERC1155, ERC1155URIStorage) returns (string memory) {
        return super.uri(lot);
    }

    function _update(address from, address to, uint256[] memory ids, uint256[] memory values)
        internal
        override(ERC1155, ERC1155Supply)
    {
        super._update(from, to, ids, values);
    }
}
